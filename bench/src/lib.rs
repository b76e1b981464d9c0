//! The benchmark (`script/bench`, docs/performance.md): compares Gatepost with a server that does nothing, on one
//! machine in one run. The compared servers take turns.
//!
//! | module | content |
//! |---|---|
//! | [`cores`] | which process runs on which core |
//! | [`cpu`] | CPU time and memory of processes |
//! | [`in_process`] | a Gatepost without a network, for counting instructions |
//! | [`load`] | the load generator: requests, answers, times |
//! | [`measure`] | measures the compared servers in turns |
//! | [`report`] | writes tables, JSON and the chart |
//! | [`rows`] | the measurements, one module for each kind |
//! | [`site`] | a Gatepost with its stores, people and sessions |
//! | [`stats`] | medians, spread, percentiles |
//! | [`tool_call`] | the call of a tool |

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
pub mod tool_call;
