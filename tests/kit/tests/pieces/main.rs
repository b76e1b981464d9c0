//! Tests of the test kit: a wrong fake could hide a bug of the product.

mod applications;
mod browsers;
mod clients;
mod edges;
mod faults;
mod replicas;
mod stores;
mod traefiks;
