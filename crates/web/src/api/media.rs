//! In which form somebody wants an answer (RFC 9110 section 12.5.1).

use crate::request::accept;
use actix_web::HttpRequest;
use gatepost_pages::quality;

/// The one of these media types that `Accept` prefers; the first one of them where it says nothing about any.
pub(super) fn choose(request: &HttpRequest, offered: &[&'static str]) -> &'static str {
    let accept = accept(request);
    let weight = |media: &str| quality(&accept, media).unwrap_or(0);
    let mut best = ("", 0);
    for media in offered {
        if weight(media) > best.1 {
            best = (media, weight(media));
        }
    }
    // `*/*` beside a type of less weight takes the first one.
    if best.1 > 0 && best.1 >= weight("*/*") { best.0 } else { offered.first().copied().unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::ACCEPT;
    use actix_web::test::TestRequest;

    #[test]
    fn the_type_that_is_named_with_the_greatest_weight_is_chosen() {
        for (accept, chosen) in [
            (None, "application/json"),
            (Some("*/*"), "application/json"),
            (Some("text/html"), "application/json"),
            (Some("text/csv"), "text/csv"),
            (Some("text/csv, */*;q=0.1"), "text/csv"),
            (Some("Text/CSV;q=0.5, application/json"), "application/json"),
            (Some("text/csv;q=0"), "application/json"),
            (Some("text/csv;q=0.2, */*"), "application/json"),
            (Some("text/csv;q=x"), "application/json"),
        ] {
            let mut request = TestRequest::default();
            if let Some(accept) = accept {
                request = request.insert_header((ACCEPT, accept));
            }
            let offered = ["application/json", "text/csv"];
            assert_eq!(choose(&request.to_http_request(), &offered), chosen, "{accept:?}");
        }
    }
}
