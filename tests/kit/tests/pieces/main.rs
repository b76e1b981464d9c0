//! The kit's own pieces: a fake that is wrong would let the product be wrong.

mod applications;
mod browsers;
mod clients;
mod edges;
mod faults;
mod replicas;
mod stores;
mod traefiks;
