//! Users, groups, tenants, admins, ended sessions, audit; the only SQL.
