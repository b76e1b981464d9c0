//! The bill of a month.

use super::meter::MeterName;
use super::prices::{Currency, Price, Prices};
use std::collections::BTreeMap;

/// What a tenant owes for a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// `None`: the tenant has no tier, or its tier has no prices. Then nothing has a price.
    pub currency: Option<Currency>,
    /// For the month itself, in minor units. 0 of a month in which there was no such tenant ([`super::TenantMonths`]).
    pub base: u64,
    /// The meters that were used or have a price, by name.
    pub lines: Vec<BillLine>,
    /// In minor units.
    pub total: u64,
}

/// One meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillLine {
    pub meter: MeterName,
    pub used: u64,
    /// `None`: it has no price.
    pub price: Option<Price>,
    /// What was used beyond what is included.
    pub over: u64,
    /// In minor units.
    pub amount: u64,
}

impl Bill {
    /// From what was used in the month. Of a month in which there was no such tenant: by [`Prices::without_base`].
    pub fn new(used: &BTreeMap<MeterName, u64>, prices: Option<&Prices>) -> Self {
        let mut counts = used.clone();
        for meter in prices.iter().flat_map(|prices| prices.meters.keys()) {
            counts.entry(meter.clone()).or_default();
        }
        let line = |(meter, used): (MeterName, u64)| {
            let price = prices.and_then(|prices| prices.meters.get(&meter)).copied();
            let over = price.map_or(0, |price| used.saturating_sub(price.included));
            let amount = price.map_or(0, |price| over.div_ceil(price.per.max(1)).saturating_mul(price.price));
            BillLine { meter, used, price, over, amount }
        };
        let lines: Vec<BillLine> = counts.into_iter().map(line).collect();
        let base = prices.map_or(0, |prices| prices.base);
        let total = lines.iter().fold(base, |total, line| total.saturating_add(line.amount));
        Self { currency: prices.map(|prices| prices.currency.clone()), base, lines, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(counts: &[(&str, u64)]) -> BTreeMap<MeterName, u64> {
        counts.iter().map(|(name, count)| (name.parse().expect("a meter"), *count)).collect()
    }

    fn prices() -> Prices {
        r#"{"currency":"EUR","base":4900,"meters":{"api_requests":{"included":100,"per":10,"price":3},"sign_ins":{"price":7}}}"#
            .parse()
            .expect("prices")
    }

    fn lines(bill: &Bill) -> Vec<(&str, u64, u64, u64)> {
        bill.lines.iter().map(|line| (line.meter.as_str(), line.used, line.over, line.amount)).collect()
    }

    #[test]
    fn what_is_included_costs_nothing_and_of_what_is_over_begun_parts_count_whole() {
        for (requests, over, amount) in
            [(0, 0, 0), (99, 0, 0), (100, 0, 0), (101, 1, 3), (110, 10, 3), (111, 11, 6)]
        {
            let bill = Bill::new(&used(&[("api_requests", requests)]), Some(&prices()));
            assert_eq!(lines(&bill), [("api_requests", requests, over, amount), ("sign_ins", 0, 0, 0)]);
            assert_eq!(bill.total, 4900 + amount, "{requests}");
        }
    }

    #[test]
    fn a_meter_without_a_price_is_shown_and_costs_nothing() {
        let bill = Bill::new(&used(&[("storage", 5), ("sign_ins", 2)]), Some(&prices()));
        assert_eq!(lines(&bill), [("api_requests", 0, 0, 0), ("sign_ins", 2, 2, 14), ("storage", 5, 0, 0)]);
        assert_eq!(bill.total, 4914);
    }

    #[test]
    fn without_prices_nothing_has_a_price() {
        let bill = Bill::new(&used(&[("sign_ins", 2)]), None);
        assert_eq!(
            (bill.currency.as_ref(), bill.total, lines(&bill)),
            (None, 0, vec![("sign_ins", 2, 0, 0)])
        );
    }

    #[test]
    fn a_bill_that_is_too_great_stays_the_greatest_number() {
        let bill = Bill::new(&used(&[("sign_ins", u64::MAX)]), Some(&prices()));
        assert_eq!(bill.total, u64::MAX);
    }
}
