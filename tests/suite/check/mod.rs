//! `gatepost check`: each mistake is named, with its place and its mend.

mod files;
