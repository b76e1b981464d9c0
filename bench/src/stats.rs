//! Statistics of measurements: medians, spread, percentiles.

use serde::Serialize;

/// The median of several measurements, and their range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
}

impl Spread {
    /// Computes the spread; `None` without values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Some(Self { median: f64::midpoint(low, high), min, max })
    }

    /// Converts the values to another unit.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { median: self.median * factor, min: self.min * factor, max: self.max * factor }
    }
}

/// The ratio of two measurements in each round, which changes less than either of them when the machine's speed
/// changes.
pub fn ratio(over: &[f64], under: &[f64]) -> Option<Spread> {
    Spread::of(over.iter().zip(under).map(|(over, under)| over / under))
}

/// The times of all answers in nanoseconds, with four bytes each.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// Reserves space, so that adding a time does not allocate.
    pub fn with_room() -> Self {
        Self(Vec::with_capacity(1 << 18))
    }

    /// Adds a time. More than 4 s counts as 4 s.
    pub fn note(&mut self, took: std::time::Duration) {
        self.0.push(u32::try_from(took.as_nanos()).unwrap_or(u32::MAX));
    }

    /// The number of times.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no times.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The time in microseconds that `rank` of a thousand answers did not exceed (nearest rank); 0 without
    /// times.
    pub fn per_mille(&mut self, rank: usize) -> f64 {
        self.0.sort_unstable();
        let at = (self.0.len() * rank).div_ceil(1000).saturating_sub(1);
        self.0.get(at).map_or(0.0, |nanos| f64::from(*nanos) / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_median_lies_in_the_middle_and_the_spread_around_it() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).map(|spread| spread.median), Some(2.5));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn ratios_pair_the_measurements_of_a_round() {
        // The machine was half as fast in the second round.
        let ratio = ratio(&[10.0, 20.0, 11.0], &[10.0, 20.0, 10.0]).expect("three rounds");
        assert_eq!((ratio.median, ratio.max), (1.0, 1.1));
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let mut latencies = Latencies::default();
        assert!(latencies.per_mille(500) < f64::EPSILON);
        for micros in (1..=1000).rev() {
            latencies.note(Duration::from_micros(micros));
        }
        for (rank, micros) in [(500, 500.0), (990, 990.0), (999, 999.0), (1000, 1000.0)] {
            assert!((latencies.per_mille(rank) - micros).abs() < f64::EPSILON, "{rank}");
        }
        latencies.note(Duration::from_mins(1));
        assert!(latencies.per_mille(1000) > 4e6);
    }
}
