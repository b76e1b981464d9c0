//! What tenants use: meters, the months that bills are for, prices, and the bill, which is computed purely.

mod bill;
mod event;
mod meter;
mod month;
mod prices;

pub use bill::{Bill, BillLine};
pub use event::{EventFlaw, FUTURE, PAST, UsageEvent, read_event};
pub use meter::{ACTIVE_USERS, API_REQUESTS, MeterError, MeterName, OWN_METERS, SIGN_INS, TOOL_CALLS};
pub use month::{Month, MonthError, TenantMonths};
pub use prices::{Currency, MOST_AMOUNT, Price, Prices, PricesFlaw};
