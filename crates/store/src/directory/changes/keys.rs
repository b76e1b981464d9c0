//! Changes of API keys.
//!
//! The administrators of a tenant, and a person about their own keys, never get a key that is wider than they are. A key may revoke keys, and do nothing else with them.

use super::Change;
use crate::directory::keys::{KeyHolder, KeyRecord};
use gatepost_core::administration::Matter;
use gatepost_core::api_key::{ApiKey, KeyExpiry, KeyFault, KeyId, KeyLimits, KeyName, KeyNetwork};
use gatepost_core::host::HostName;
use gatepost_core::ids::GroupName;
use gatepost_core::tool_pattern::ToolPattern;
use std::time::Duration;

/// A key with its secret, which nothing else will ever show.
#[derive(Clone, Debug)]
pub struct ShownKey {
    pub record: KeyRecord,
    pub secret: ApiKey<'static>,
}

/// Makes a key.
///
/// Errors: `UnknownTenant`, `UnknownUser`, `UnknownGroup`, `KeyRefused`.
#[derive(Clone, Debug)]
pub struct CreateKey {
    pub name: KeyName,
    pub holder: KeyHolder,
    /// What it allows. Its end is that of `expiry`.
    pub limits: KeyLimits,
    pub groups: Vec<GroupName>,
    pub expiry: KeyExpiry,
    /// What the configuration has against it.
    pub faults: Vec<KeyFault>,
}

impl Change for CreateKey {
    type Outcome = ShownKey;
    const NAME: &'static str = "CreateKey";

    fn matter(&self) -> Matter {
        self.holder.matter()
    }

    fn may_be_made_by_key(&self) -> bool {
        false
    }
}

/// Changes what is said about a key, or what it allows. What is `None` stays.
///
/// Errors: `UnknownKey`, `KeyRevoked`, `KeyRefused`.
#[derive(Clone, Debug)]
pub struct UpdateKey {
    pub id: KeyId,
    /// Whose it is, as it was shown to who changes it. A key of somebody else is unknown here, because this says who may.
    pub holder: KeyHolder,
    pub new: KeyUpdate,
}

/// What is to be different about a key.
#[derive(Clone, Debug, Default)]
pub struct KeyUpdate {
    pub name: Option<KeyName>,
    pub hosts: Option<Vec<HostName>>,
    pub networks: Option<Vec<KeyNetwork>>,
    pub tools: Option<Vec<ToolPattern>>,
    pub requests_per_minute: Option<Option<u32>>,
    pub expiry: Option<KeyExpiry>,
    /// What the configuration has against it.
    pub faults: Vec<KeyFault>,
}

impl Change for UpdateKey {
    type Outcome = KeyRecord;
    const NAME: &'static str = "UpdateKey";

    fn matter(&self) -> Matter {
        self.holder.matter()
    }

    fn may_be_made_by_key(&self) -> bool {
        false
    }
}

/// Gives a key another secret. The one from before counts for `overlap` more, at most until the key expires.
///
/// Errors: `UnknownKey`, `KeyRevoked`, `EndsInThePast` (the key has expired), `KeyRefused`.
#[derive(Clone, Debug)]
pub struct RotateKey {
    pub id: KeyId,
    /// As in [`UpdateKey`].
    pub holder: KeyHolder,
    pub overlap: Duration,
}

impl Change for RotateKey {
    type Outcome = ShownKey;
    const NAME: &'static str = "RotateKey";

    fn matter(&self) -> Matter {
        self.holder.matter()
    }

    fn may_be_made_by_key(&self) -> bool {
        false
    }
}

/// Ends a key for good. Unchanged: it was revoked before.
///
/// Errors: `UnknownKey`.
#[derive(Clone, Debug)]
pub struct RevokeKey {
    pub id: KeyId,
    /// As whose it is revoked: its holder's, or its tenant's, whose administrators may revoke the keys of people too.
    pub holder: KeyHolder,
}

impl Change for RevokeKey {
    type Outcome = KeyRecord;
    const NAME: &'static str = "RevokeKey";

    fn matter(&self) -> Matter {
        self.holder.matter()
    }
}
