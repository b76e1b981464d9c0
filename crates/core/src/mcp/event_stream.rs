//! The one answer in a stream of server-sent events (HTML, section 9.2), as a server may send it instead of plain JSON.
//!
//! Notifications before the answer are left out. Whatever else stands before it is refused.

use super::list::{Members, NotAList};

/// What has come of a stream so far.
#[derive(Debug, Default)]
pub struct EventStream {
    /// The line that has not ended yet.
    line: Vec<u8>,
    data: String,
    has_data: bool,
}

impl EventStream {
    /// Takes more bytes. `Some`: the answer.
    ///
    /// # Errors
    /// Something stands before the answer that is not understood.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<String>, NotAList> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if !part.ends_with(b"\n") {
                break;
            }
            let line = std::mem::take(&mut self.line);
            let line = std::str::from_utf8(&line).map_err(|_| NotAList::because("a line is no UTF-8"))?;
            let line = line.strip_suffix("\r\n").or_else(|| line.strip_suffix('\n')).unwrap_or(line);
            if let Some(answer) = self.end_line(line)? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    fn end_line(&mut self, line: &str) -> Result<Option<String>, NotAList> {
        if line.contains('\r') {
            return Err(NotAList::because("a line ends where not every reader sees its end"));
        }
        if line.is_empty() {
            self.has_data = false;
            return dispatched(std::mem::take(&mut self.data));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.has_data = true;
                self.data.push_str(value);
            }
            "event" if value != "message" => return Err(NotAList::because("an event is no message")),
            // A comment, where to go on, how long to wait; readers leave out other fields.
            _ => {}
        }
        Ok(None)
    }
}

/// A whole event. An empty one only tells the client where to go on.
fn dispatched(data: String) -> Result<Option<String>, NotAList> {
    if data.is_empty() {
        return Ok(None);
    }
    let members = Members::of_answer(&data)?;
    let is_notification = members.find("method").is_some() && members.find("id").is_none();
    Ok((!is_notification).then_some(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, piece: usize) -> Result<Option<String>, NotAList> {
        let mut stream = EventStream::default();
        for bytes in text.as_bytes().chunks(piece) {
            if let Some(answer) = stream.push(bytes)? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    #[test]
    fn the_answer_is_found_however_the_bytes_come() {
        let answer = r#"{"id":1,"result":{}}"#;
        let notification = r#"{"method":"notifications/message","params":{}}"#;
        for text in [
            format!("data: {answer}\n\n"),
            format!("event: message\r\ndata:{answer}\r\n\r\n"),
            format!(": ping\n\nid: 7\ndata:\n\nretry: 10\nevent: message\nid: 8\ndata: {answer}\n\n"),
            format!("data: {notification}\n\ndata: {answer}\n\ndata: more\n\n"),
        ] {
            for piece in [1, 2, 7, 1000] {
                assert_eq!(read(&text, piece), Ok(Some(answer.to_owned())), "{text:?} {piece}");
            }
        }
        let split = "data: {\"id\":1,\ndata: \"result\":{}}\n\n";
        assert_eq!(read(split, 3), Ok(Some("{\"id\":1,\n\"result\":{}}".to_owned())));
    }

    #[test]
    fn an_event_that_has_not_ended_is_none() {
        for text in ["", "data: {\"id\":1,\"result\":{}}", "data: {\"id\":1,\"result\":{}}\n", ": ping\n\n"] {
            assert_eq!(read(text, 4), Ok(None), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "data: not JSON\n\n",
            "data: []\n\n",
            "event: endpoint\ndata: {\"id\":1,\"result\":{}}\n\n",
            "data: {\"id\":1,\r\"result\":{}}\n\n",
            "data: {\"id\":1,\"Result\":{}}\n\n",
        ] {
            assert!(read(text, 5).is_err(), "{text:?}");
        }
        assert!(EventStream::default().push(b"data: \xff\n").is_err());
    }
}
