//! What a tier costs: integers in the minor unit of its currency, such as cents.

use super::meter::MeterName;
use crate::json_pointer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The greatest number in prices.
pub const MOST_AMOUNT: u64 = 1_000_000_000_000;
/// The most meters that have a price.
const MOST_METERS: usize = 64;

/// A currency, by its code of ISO 4217.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Currency(String);

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Currency {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a currency has three capital letters, as EUR")
        }
    }
}

/// The prices of a tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices {
    pub currency: Currency,
    /// For a month, whatever is used, in minor units.
    #[serde(default)]
    pub base: u64,
    /// What is used beyond what is included. A meter that is not here costs nothing.
    #[serde(default)]
    pub meters: BTreeMap<MeterName, Price>,
}

/// The price of one meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// So much of a month costs nothing.
    #[serde(default)]
    pub included: u64,
    /// The price is for so many, begun ones counted whole.
    #[serde(default = "one")]
    pub per: u64,
    /// In minor units.
    pub price: u64,
}

const fn one() -> u64 {
    1
}

/// A member of prices that is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricesFlaw {
    /// A JSON pointer in the prices.
    pub at: String,
    pub expected: &'static str,
}

const AMOUNT: &str = "a whole number from 0 to 1000000000000";
const COUNT: &str = "a whole number from 1 to 1000000000000";

impl Prices {
    /// Reads them from JSON, and names everything that is wrong.
    ///
    /// # Errors
    /// The flaws: at least one.
    pub fn read(members: &Map<String, Value>) -> Result<Self, Vec<PricesFlaw>> {
        let mut flaws = Vec::new();
        let mut flaw = |at: String, expected| flaws.push(PricesFlaw { at, expected });
        for name in members.keys().filter(|name| !["currency", "base", "meters"].contains(&name.as_str())) {
            flaw(json_pointer::member("", name), "no member: there is none of this name");
        }
        let currency = members.get("currency").and_then(Value::as_str).and_then(|text| text.parse().ok());
        if currency.is_none() {
            flaw("/currency".to_owned(), "three capital letters, as EUR");
        }
        let base = amount(members, "", "base", (Some(0), 0, AMOUNT), &mut flaw);
        let mut meters = BTreeMap::new();
        let listed = match members.get("meters") {
            None => None,
            Some(Value::Object(listed)) if listed.len() <= MOST_METERS => Some(listed),
            Some(_) => {
                flaw("/meters".to_owned(), "an object with at most 64 members");
                None
            }
        };
        for (name, price) in listed.into_iter().flatten() {
            let at = json_pointer::member("/meters", name);
            let (Ok(meter), Some(members)) = (name.parse::<MeterName>(), price.as_object()) else {
                flaw(at, "the name of a meter with an object of included, per and price");
                continue;
            };
            for name in members.keys().filter(|name| !["included", "per", "price"].contains(&name.as_str())) {
                flaw(json_pointer::member(&at, name), "no member: there is none of this name");
            }
            let included = amount(members, &at, "included", (Some(0), 0, AMOUNT), &mut flaw);
            let per = amount(members, &at, "per", (Some(1), 1, COUNT), &mut flaw);
            let price = amount(members, &at, "price", (None, 0, AMOUNT), &mut flaw);
            if let (Some(included), Some(per), Some(price)) = (included, per, price) {
                meters.insert(meter, Price { included, per, price });
            }
        }
        match (currency, base) {
            (Some(currency), Some(base)) if flaws.is_empty() => Ok(Self { currency, base, meters }),
            _ => Err(flaws),
        }
    }

    /// These prices, but for a month in which there was no such tenant.
    #[must_use]
    pub fn without_base(self) -> Self {
        Self { base: 0, ..self }
    }
}

/// A number, or what it is when it is absent.
fn amount(
    members: &Map<String, Value>,
    within: &str,
    name: &str,
    (absent, least, expected): (Option<u64>, u64, &'static str),
    flaw: &mut impl FnMut(String, &'static str),
) -> Option<u64> {
    let found = match members.get(name) {
        None => absent,
        Some(value) => value.as_u64().filter(|number| (least..=MOST_AMOUNT).contains(number)),
    };
    if found.is_none() {
        flaw(json_pointer::member(within, name), expected);
    }
    found
}

impl fmt::Display for Prices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).unwrap_or_default())
    }
}

/// As [`Prices`] are stored.
impl FromStr for Prices {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: &Value) -> Result<Prices, Vec<String>> {
        let flaws = |flaws: Vec<PricesFlaw>| flaws.into_iter().map(|flaw| flaw.at).collect();
        Prices::read(value.as_object().expect("an object")).map_err(flaws)
    }

    #[test]
    fn prices_are_read_as_they_are_written() {
        let given = json!({"currency": "EUR", "base": 4900, "meters": {"api_requests": {"included": 100, "per": 1000, "price": 5}}});
        let prices = read(&given).expect("prices");
        assert_eq!(prices.to_string().parse::<Prices>().expect("prices"), prices);
        assert_eq!(serde_json::to_value(&prices).expect("JSON"), given);
        let least = read(&json!({"currency": "EUR", "meters": {"x": {"price": 1}}})).expect("prices");
        assert_eq!(
            (least.base, least.meters.values().next()),
            (0, Some(&Price { included: 0, per: 1, price: 1 }))
        );
    }

    #[test]
    fn everything_that_is_wrong_with_prices_is_named() {
        let given = json!({"currency": "euro", "base": 1.5, "x": 1, "meters": {
            "a": {"price": -1, "per": 0, "included": "1", "y": 1}, "=b": {"price": 1}, "c": 1,
            "d": {"price": MOST_AMOUNT + 1},
        }});
        let mut flaws = read(&given).expect_err("flaws");
        flaws.sort();
        let want = [
            "/base",
            "/currency",
            "/meters/=b",
            "/meters/a/included",
            "/meters/a/per",
            "/meters/a/price",
            "/meters/a/y",
            "/meters/c",
            "/meters/d/price",
            "/x",
        ];
        assert_eq!(flaws, want);
        assert_eq!(read(&json!({"currency": "EUR", "meters": []})).expect_err("a flaw"), ["/meters"]);
    }
}
