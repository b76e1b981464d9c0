//! In which form somebody wants an answer (RFC 9110 section 12.5.1).

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT;

/// The one of these media types that `Accept` prefers; the first one of them where it says nothing about any.
pub(super) fn choose(request: &HttpRequest, offered: &[&'static str]) -> &'static str {
    let values = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok());
    let accept: Vec<(&str, f32)> = values.flat_map(|value| value.split(',')).map(range).collect();
    let weight = |media: &str| {
        let exact = accept.iter().find(|(range, _)| range.eq_ignore_ascii_case(media));
        exact.map_or(0.0, |(_, weight)| *weight)
    };
    let mut best = ("", 0.0);
    for media in offered {
        if weight(media) > best.1 {
            best = (media, weight(media));
        }
    }
    let first = offered.first().copied().unwrap_or_default();
    // `*/*` beside a type of less weight takes the first one.
    let any =
        accept.iter().filter(|(range, _)| *range == "*/*").map(|(_, weight)| *weight).fold(0.0, f32::max);
    if best.1 > 0.0 && best.1 >= any { best.0 } else { first }
}

fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let weight =
        parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |weight| weight.parse().ok());
    (media, weight.unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
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
