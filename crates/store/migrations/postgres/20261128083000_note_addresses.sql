-- What a provider calls a person now, beside what applications call them (users.email): they differ where
-- GATEPOST_ADDRESS_CHANGES is keep. And who had an address before: applications know accounts by address, so that its next
-- holder gets the account.

SET LOCAL search_path TO gatepost, pg_temp;

ALTER TABLE identities ADD COLUMN email text;
CREATE INDEX identities_email_idx ON identities (email);
COMMENT ON COLUMN identities.email IS 'The address that the provider asserted last, and may assert; none: not known yet.';

CREATE TABLE former_addresses (
    email text CONSTRAINT former_addresses_pkey PRIMARY KEY,
    user_id text NOT NULL,
    until bigint NOT NULL
);
COMMENT ON TABLE former_addresses IS 'Who gave an address up last. No foreign key: applications keep the account whatever becomes of the user''s row.';

INSERT INTO former_addresses (email, user_id, until)
SELECT DISTINCT ON (before::json ->> 'email') before::json ->> 'email', substr(target, 6), at FROM audit_entries
WHERE action IN ('user.change_address', 'user.release_address') AND before::json ->> 'email' IS NOT NULL
ORDER BY before::json ->> 'email', at DESC, id DESC;

-- Gatepost may run as a role that owns nothing: whoever writes people writes this too.
DO $$
DECLARE
    writer regrole;
BEGIN
    FOR writer IN
        SELECT DISTINCT granted.grantee FROM pg_class c, aclexplode(c.relacl) AS granted
        WHERE c.oid = 'users'::regclass AND granted.grantee NOT IN (0, c.relowner) AND granted.privilege_type = 'UPDATE'
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON former_addresses TO %s', writer);
    END LOOP;
END
$$;
