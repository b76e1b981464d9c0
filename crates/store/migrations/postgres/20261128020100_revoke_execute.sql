-- Nobody but their owner calls the functions. Whoever writes a view or fires a trigger needs no right to what these
-- call; whoever writes the tables themselves needs it, for the constraints and what the triggers' functions call.

SET LOCAL search_path TO gatepost, pg_temp;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA gatepost FROM PUBLIC;

DO $$
DECLARE
    writer regrole;
BEGIN
    FOR writer IN
        SELECT DISTINCT granted.grantee FROM pg_class c, aclexplode(c.relacl) AS granted
        WHERE c.relnamespace = 'gatepost'::regnamespace AND c.relkind = 'r' AND granted.grantee <> 0
        AND granted.privilege_type IN ('INSERT', 'UPDATE', 'DELETE')
    LOOP
        EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA gatepost TO %s', writer);
    END LOOP;
END
$$;
