//! What became of a person's address at a sign-in or a refresh, for the operator: applications that know people by address
//! cannot tell.

use gatepost_core::ids::{ProviderId, UserId};
use gatepost_store::directory::{AddressChange, AddressNews, FormerHolder};

pub(crate) fn log(user: UserId, provider: &ProviderId, news: &AddressNews) {
    match &news.change {
        Some(AddressChange::Changed { from: Some(from), to }) => tracing::warn!(
            user.id = %user,
            user.email = %to,
            user.former_email = %from,
            provider.id = %provider,
            "the provider changed a person's address: applications that know people by address take the person for \
             somebody new, and give the account to whoever gets the former address \
             (GATEPOST_ADDRESS_CHANGES=keep keeps it)"
        ),
        Some(AddressChange::Changed { from: None, to }) => {
            tracing::info!(user.id = %user, user.email = %to, provider.id = %provider, "a person without an address has one again");
        }
        Some(AddressChange::Kept { email, asserted }) => tracing::warn!(
            user.id = %user,
            user.email = %email,
            user.asserted_email = %asserted,
            provider.id = %provider,
            "the provider changed a person's address: applications get the one that they know, until an administrator \
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
            "a person has an address that another person had before: applications that know people by address give the \
             other person's account to this one"
        );
    }
}
