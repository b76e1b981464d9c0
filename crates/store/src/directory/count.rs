//! Numbers of people in lists.

use std::fmt;

/// A number of people. Beyond a limit they are not counted further, because a list of groups would count everybody many
/// times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    pub number: u64,
    /// There are more than `number`.
    pub is_more: bool,
}

impl Count {
    /// How many are counted for a row of a list.
    pub const IN_LISTS: u32 = 1_000;
    /// How many are counted where only one group or tenant is shown.
    pub const OF_ONE: u32 = 10_000;
    /// Counts all.
    pub const ALL: u32 = u32::MAX;

    /// From a number that is negative if not everybody was counted.
    pub(super) const fn of(number: i64) -> Self {
        Self { number: number.unsigned_abs(), is_more: number < 0 }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.number, if self.is_more { "+" } else { "" })
    }
}
