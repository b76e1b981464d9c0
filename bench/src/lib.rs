//! The benchmark (`script/bench`, docs/performance.md): what Gatepost costs beside a server that does nothing, measured on
//! one machine in one run, contestants taking turns.
//!
//! | module | is |
//! |---|---|
//! | [`cores`] | who runs on which core |
//! | [`cpu`] | what a process has cost, by the operating system's books |
//! | [`in_process`] | a gate without a network, for counting instructions |
//! | [`load`] | the load: requests, answers, times |
//! | [`measure`] | contestants in turns |
//! | [`report`] | tables, JSON, the chart |
//! | [`rows`] | what is measured |
//! | [`site`] | a Gatepost with its stores, people and sessions |
//! | [`stats`] | medians, spread, percentiles |

#![expect(clippy::cast_precision_loss, reason = "nanoseconds and bytes of one run are below 2^52")]

pub mod cores;
pub mod cpu;
pub mod in_process;
pub mod load;
pub mod measure;
pub mod report;
pub mod rows;
pub mod site;
pub mod stats;
