-- Roles for programs that read or write the three views and nothing else. Roles belong to the whole server: another
-- database may have made them, and a managed server may not let us; then somebody who may grants by hand.

SET LOCAL search_path TO gatepost, pg_temp;

DO $$
DECLARE
    wanted text;
    viewed record;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['gatepost_views_reader', 'gatepost_views_writer'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN NULL;
                WHEN insufficient_privilege THEN
                    RAISE NOTICE 'role % is not there and this user may not create it: whoever may can, and grants the views to it', wanted;
                    CONTINUE;
            END;
        END IF;
        FOR viewed IN
            SELECT DISTINCT n.nspname, c.relname FROM pg_trigger t
            JOIN pg_proc p ON p.oid = t.tgfoid
            JOIN pg_class c ON c.oid = t.tgrelid AND c.relkind = 'v'
            JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE p.pronamespace = 'gatepost'::regnamespace
        LOOP
            EXECUTE format('GRANT SELECT ON %I.%I TO %I', viewed.nspname, viewed.relname, wanted);
            IF wanted = 'gatepost_views_writer' THEN
                EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I.%I TO %I', viewed.nspname, viewed.relname, wanted);
            END IF;
        END LOOP;
    END LOOP;
END
$$;
