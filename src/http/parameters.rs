//! Parameters of an address or a form, each at most once.
//!
//! Of `iss=a&iss=b` two readers take different ones, and who takes neither has a check less. So a parameter that counts
//! and stands there twice refuses the whole request (RFC 6749 section 3.1); what nobody reads may stand there as it likes.

use std::array;
use url::form_urlencoded;

/// A parameter that counts was sent more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parameter {0} was sent more than once")]
pub struct Repeated(&'static str);

/// The values of these names.
///
/// # Errors
/// [`Repeated`].
pub fn read<const N: usize>(
    encoded: &[u8],
    names: [&'static str; N],
) -> Result<[Option<String>; N], Repeated> {
    let mut values = array::from_fn(|_| None);
    for (name, value) in form_urlencoded::parse(encoded) {
        let Some(at) = names.iter().position(|known| *known == name) else { continue };
        if values[at].replace(value.into_owned()).is_some() {
            return Err(Repeated(names[at]));
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_counts_stands_there_once_or_the_request_is_refused() {
        let text = |value: &str| Some(value.to_owned());
        let names = ["code", "iss"];
        assert_eq!(read(b"iss=a%20b&x=1&x=2&code=", names), Ok([text(""), text("a b")]));
        assert_eq!(read(b"x=1&x=2", names), Ok([None, None]));
        for encoded in ["iss=a&iss=b", "iss=a&iss=a", "iss=&code=1&iss=", "iss&%69ss=a", "code=1&iss=a&iss=b"]
        {
            assert_eq!(read(encoded.as_bytes(), names), Err(Repeated("iss")), "{encoded}");
        }
    }
}
