//! The colours of the style sheet, held against WCAG 2.2 criterion 1.4.3 (level AA): 4.5 to 1 for text.

use super::super::assets;

/// Text on its background.
const PAIRS: [(&str, &str); 9] = [
    ("ink", "page"),
    ("ink", "card"),
    ("soft", "page"),
    ("soft", "card"),
    ("post", "page"),
    ("post", "card"),
    ("onpost", "post"),
    ("wait", "card"),
    ("stop", "card"),
];

#[test]
fn every_text_can_be_read_in_light_in_dark_and_on_paper() {
    let css = assets()[0].body;
    let schemes: Vec<_> =
        css.split(":root{").skip(1).map(|rest| rest.split('}').next().unwrap_or_default()).collect();
    assert_eq!(schemes.len(), 3, "light, dark, paper");
    for scheme in schemes {
        for (text, background) in PAIRS {
            let (a, b) = (luminance(colour(scheme, text)), luminance(colour(scheme, background)));
            let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(ratio >= 4.5, "{text} on {background}: {ratio:.2} in {scheme}");
        }
    }
}

fn colour(scheme: &str, name: &str) -> [u8; 3] {
    let (_, rest) =
        scheme.split_once(&format!("--{name}:#")).unwrap_or_else(|| panic!("no --{name} in {scheme}"));
    [0, 2, 4].map(|at| u8::from_str_radix(&rest[at..at + 2], 16).expect("a colour of six digits"))
}

/// Relative luminance, as WCAG 2.2 defines it.
fn luminance(colour: [u8; 3]) -> f64 {
    let [red, green, blue] = colour.map(|channel| {
        let channel = f64::from(channel) / 255.0;
        if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}
