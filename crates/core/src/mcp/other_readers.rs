//! Compares what [`Message::read`] sees in a body with what the JSON readers of Python and JavaScript see there: most tool
//! servers are written in these.

use super::message::{Call, Message, guarded};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// How many bodies are compared.
const BODIES: usize = 10_000;

/// Each line is a body. Answers `-` to one that is not read, else the method and what `params` name.
const PYTHON: &str = r#"
import base64, json, sys
def word(value):
    return base64.b64encode(value.encode("utf-8", "surrogatepass")).decode() if isinstance(value, str) else "."
for line in sys.stdin:
    try:
        message = json.loads(base64.b64decode(line))
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        words = [message.get("method"), params.get("name"), params.get("uri")]
        print(*[word(value) for value in words], flush=True)
    except Exception:
        print("-", flush=True)
"#;

/// The same, as a server reads it: a byte order mark is left out, bytes that are not UTF-8 are replaced.
const NODE: &str = r#"
const word = value => typeof value === "string" ? Buffer.from(value, "utf8").toString("base64") : ".";
require("readline").createInterface({ input: process.stdin }).on("line", line => {
  let answer = "-";
  try {
    const message = JSON.parse(new TextDecoder().decode(Buffer.from(line, "base64")));
    if (!Array.isArray(message)) {
      const params = message.params ?? {};
      answer = [message.method, params.name, params.uri].map(word).join(" ");
    }
  } catch {}
  process.stdout.write(answer + "\n");
});
"#;

/// A program that reads JSON.
struct Reader {
    name: &'static str,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What a program sees in a body that it accepts.
type Sight = [Option<Vec<u8>>; 3];

impl Reader {
    fn start(name: &'static str, arguments: [&str; 2]) -> Self {
        let mut command = Command::new(name);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} is needed: {error}"));
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Self { name, child, input, output }
    }

    fn see(&mut self, body: &[u8]) -> Option<Sight> {
        writeln!(self.input, "{}", STANDARD.encode(body)).expect("it reads");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["-"] => None,
            [method, name, uri] => Some([method, name, uri].map(|word| match word {
                "." => None,
                word => Some(STANDARD.decode(word).expect("base64")),
            })),
            _ => panic!("{} answers {line:?}", self.name),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server calls that sees this; `None` where it calls nothing that has rules.
fn called(sight: &Sight) -> Option<(&str, &[u8])> {
    let [method, name, uri] = sight;
    let method = std::str::from_utf8(method.as_ref()?).ok()?;
    let (kind, member) = guarded(method)?;
    let named = if member == "uri" { uri } else { name };
    Some((kind.as_str(), named.as_deref()?))
}

/// Numbers that look random and are the same in each run (xorshift64*).
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap_or_default() % end
    }

    fn one_of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

const BEGINNINGS: [&str; 6] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_file","arguments":{"path":"a","name":"x"}}}"#,
    r#"{"jsonrpc":"2.0","id":"a","method":"prompts/get","params":{"name":"review","_meta":{"progressToken":1}}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///a"}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#,
    r#"{"jsonrpc":"2.0","id":1,"result":{"method":"tools/call","params":{"name":"delete_repo"}}}"#,
    r#"[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_file"}}]"#,
];

/// Pieces that readers have understood differently before.
const PIECES: [&[u8]; 32] = [
    br#""name":"delete_repo","#,
    br#","name":"delete_repo""#,
    br#""na\u006de":"delete_repo","#,
    br#""Name":"delete_repo","#,
    br#""method":"tools/call","#,
    br#","method":"tools/call""#,
    br#""params":{"name":"delete_repo"},"#,
    br#","params":{"name":"delete_repo"}"#,
    br#""__proto__":{"name":"delete_repo"},"#,
    br#""uri":"file:///secret","#,
    br"\ud800",
    br"\udc00\ud800",
    br"\ud83d\ude00",
    br"\u0000",
    br"\u",
    b"\\",
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"/*x*/",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xed\xa0\x80",
    b"\x00",
    b"\xc0\xaf",
];

fn mutated(random: &mut Random) -> Vec<u8> {
    let mut body = random.one_of(&BEGINNINGS).as_bytes().to_vec();
    for _ in 0..random.below(4) {
        let at = random.below(body.len() + 1);
        let end = (at + random.below(12)).min(body.len());
        match random.below(10) {
            // Between two members a piece is read, elsewhere it is mostly an error.
            0..=4 => {
                let places: Vec<_> = (0..body.len()).filter(|at| b"{,}".contains(&body[*at])).collect();
                let Some(place) = places.get(random.below(places.len().max(1))) else { continue };
                let place = place + usize::from(body[*place] != b'}');
                body.splice(place..place, random.one_of(&PIECES).iter().copied());
            }
            5 => drop(body.splice(at..at, random.one_of(&PIECES).iter().copied())),
            6 => drop(body.drain(at..end)),
            7 => {
                let piece = body[at..end].to_vec();
                body.splice(end..end, piece);
            }
            8 if at < body.len() => body[at] ^= 1 << random.below(8),
            // A letter becomes an escape, which changes nothing.
            _ if at < body.len() && body[at].is_ascii_lowercase() => {
                let escape = format!("\\u{:04x}", body[at]);
                body.splice(at..=at, escape.into_bytes());
            }
            _ => {}
        }
    }
    body
}

#[test]
fn no_other_reader_sees_another_tool() {
    let mut readers = [Reader::start("python3", ["-c", PYTHON]), Reader::start("node", ["-e", NODE])];
    let mut random = Random::new(20_261_128);
    let (mut agreed, mut stricter) = (0, 0);
    for _ in 0..BODIES {
        let body = mutated(&mut random);
        let message = Message::read(&body).ok();
        let ours = message.as_ref().map(|message| message.call.as_ref());
        for reader in &mut readers {
            let Some(sight) = reader.see(&body) else { continue };
            let theirs = called(&sight);
            let Some(ours) = ours else {
                stricter += usize::from(theirs.is_some());
                continue;
            };
            let ours = ours.map(|Call { kind, name }| (kind.as_str(), name.as_bytes()));
            assert_eq!(theirs, ours, "{} reads {}", reader.name, String::from_utf8_lossy(&body));
            agreed += usize::from(theirs.is_some());
        }
    }
    // Else the bodies would show nothing.
    assert!(agreed > BODIES / 4, "{agreed} calls were seen by both");
    assert!(stricter > BODIES / 40, "{stricter} calls were refused that others would have made");
}
