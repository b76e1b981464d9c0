//! An answer that comes line by line and may be longer than the memory.
//!
//! Guarantee: at most one line is held, and an answer that breaks off is an error.

use super::api::{Api, Call, MOST_BYTES};
use super::error::ApiError;
use reqwest::Response;
use std::time::Duration;

/// How long an answer may take that comes line by line.
pub(super) const LONGEST_STREAM: Duration = Duration::from_hours(24);

/// The lines of an answer.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    response: Response,
    origin: &'a str,
    /// What came after the last line.
    rest: Vec<u8>,
    /// How much of it is known to hold no end of a line.
    searched: usize,
}

impl<'a> Lines<'a> {
    /// Those of the answer to this request, which may take longer than others.
    pub(super) async fn of(api: &'a Api, call: Call<'_>) -> Result<Self, ApiError> {
        let (response, origin) = api.open(call, ("application/jsonl", LONGEST_STREAM)).await?;
        Ok(Self { response, origin, rest: Vec::new(), searched: 0 })
    }

    /// The next line without its end; `None`: there is no other one.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        loop {
            if let Some(place) = self.rest[self.searched..].iter().position(|byte| *byte == b'\n') {
                let after = self.rest.split_off(self.searched + place + 1);
                let mut line = std::mem::replace(&mut self.rest, after);
                line.pop();
                self.searched = 0;
                return Ok(Some(line));
            }
            self.searched = self.rest.len();
            let chunk = self.response.chunk().await.map_err(|error| ApiError::BrokenOff {
                origin: self.origin.to_owned(),
                error: error.without_url(),
            })?;
            match chunk {
                Some(chunk) if self.rest.len() + chunk.len() > MOST_BYTES => {
                    return Err(ApiError::TooLong(self.origin.to_owned()));
                }
                Some(chunk) => self.rest.extend_from_slice(&chunk),
                None if self.rest.is_empty() => return Ok(None),
                None => {
                    self.searched = 0;
                    return Ok(Some(std::mem::take(&mut self.rest)));
                }
            }
        }
    }
}
