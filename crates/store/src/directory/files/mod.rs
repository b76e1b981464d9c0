//! The configuration as files: what files declare, what the directory holds, and the difference of the two. Pure: the
//! statements read what is held, and `admin` reads and writes the files.

mod declared;
mod difference;
mod held;
mod key_difference;
mod keys;
mod people;
mod plan;
mod rule_difference;
mod rules;
mod tiers;

pub use declared::{Declared, DeclaredAdmin, DeclaredGroup, DeclaredMember, DeclaredTenant};
pub use difference::difference;
pub use held::{
    Held, HeldAdmin, HeldGroup, HeldKey, HeldLink, HeldMapping, HeldMember, HeldRule, HeldTenant, HeldTier,
    Holder, UsedBy,
};
pub use keys::{DeclaredKey, KeyEnd, KeyPlace};
pub use plan::{Action, Counts, MOST_STEPS, Plan, Step, Thing};
pub use rules::DeclaredRule;
