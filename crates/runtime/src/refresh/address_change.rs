//! Logs a change of a person's address at a sign-in or a refresh. Applications that identify people by address cannot
//! detect such a change, so the operator has to see it.

use gatepost_core::ids::{ProviderId, UserId};
use gatepost_store::directory::{AddressChange, AddressNews, FormerHolder};

pub fn log(user: UserId, provider: &ProviderId, news: &AddressNews) {
    match &news.change {
        Some(AddressChange::Changed { from: Some(from), to }) => tracing::warn!(
            user.id = %user,
            user.email = %to,
            user.former_email = %from,
            provider.id = %provider,
            "the provider changed a person's address: applications that identify people by address treat the person as a \
             new user, and give the old account to the next holder of the former address \
             (GATEPOST_ADDRESS_CHANGES=keep keeps the former address)"
        ),
        Some(AddressChange::Changed { from: None, to }) => {
            tracing::info!(user.id = %user, user.email = %to, provider.id = %provider, "a person who had no address has one again");
        }
        Some(AddressChange::Kept { email, asserted }) => tracing::warn!(
            user.id = %user,
            user.email = %email,
            user.asserted_email = %asserted,
            provider.id = %provider,
            "the provider changed a person's address: applications keep getting the former one until an administrator \
             changes it (gatepost user address)"
        ),
        None => {}
    }
    if let Some(FormerHolder { email, user: former, until }) = &news.former_holder {
        tracing::warn!(
            user.id = %user,
            user.email = %email,
            former_user.id = %former,
            until = %gatepost_core::calendar::rfc3339(*until),
            "a person has an address that another person had before: applications that identify people by address give \
             this person the other one's account"
        );
    }
}
