//! The picture of a tenant: PNG or WebP, told by its content. What is kept is put together anew of the parts that make the
//! picture: no text, no address, no colour profile, nothing behind its end. SVG is none: it may hold scripts and addresses.

mod png;
mod webp;

use crate::secret::{Hash, Hashing};
use std::fmt;
use std::str::FromStr;

/// A picture that pages may show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    name: LogoName,
    bytes: Vec<u8>,
}

/// The kind of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoKind {
    Png,
    WebP,
}

/// Why bytes are no picture that pages may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogoError {
    #[error("a logo has at most 65536 bytes")]
    TooLarge,
    #[error("a logo is a PNG or WebP picture, by its content; SVG and others are not taken")]
    Unknown,
    #[error("a logo is 16 to 512 pixels wide and high, and this one is {0} x {1}")]
    Size(u32, u32),
    #[error("a logo does not move: save one picture of it")]
    Animated,
    #[error("the picture is damaged, or something else follows it: save it again")]
    Damaged,
}

/// Bytes of a picture.
const MOST: usize = 64 * 1024;

impl Logo {
    /// Reads a picture.
    ///
    /// # Errors
    /// [`LogoError`]
    pub fn read(bytes: &[u8]) -> Result<Self, LogoError> {
        if bytes.len() > MOST {
            return Err(LogoError::TooLarge);
        }
        let (kind, kept) = if bytes.starts_with(png::SIGNATURE) {
            (LogoKind::Png, png::read(bytes)?)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            (LogoKind::WebP, webp::read(bytes)?)
        } else {
            return Err(LogoError::Unknown);
        };
        let mut hashing = Hashing::default();
        hashing.add(&kept);
        Ok(Self { name: LogoName { hash: hashing.finish(), kind }, bytes: kept })
    }

    pub const fn name(&self) -> LogoName {
        self.name
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Demands that a picture has a size that pages can show.
const fn demand_size(width: u32, height: u32) -> Result<(), LogoError> {
    let (least, most) = (16, 512);
    if width < least || width > most || height < least || height > most {
        return Err(LogoError::Size(width, height));
    }
    Ok(())
}

/// A picture's name: the hash of its bytes, and its kind. `Display` writes it as the last part of its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogoName {
    pub hash: Hash,
    pub kind: LogoKind,
}

impl LogoKind {
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::WebP => "webp",
        }
    }
}

impl fmt::Display for LogoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.hash, self.kind.extension())
    }
}

/// A text that names no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a hash of 64 hexadecimal digits with .png or .webp")]
pub struct LogoNameError;

impl FromStr for LogoName {
    type Err = LogoNameError;

    fn from_str(text: &str) -> Result<Self, LogoNameError> {
        let (hash, extension) = text.split_once('.').ok_or(LogoNameError)?;
        let kinds = [LogoKind::Png, LogoKind::WebP];
        let kind = kinds.into_iter().find(|kind| kind.extension() == extension).ok_or(LogoNameError)?;
        let name = Self { hash: hash.parse().map_err(|_| LogoNameError)?, kind };
        // One picture has one address.
        if name.to_string() == text { Ok(name) } else { Err(LogoNameError) }
    }
}

/// Takes bytes from the front.
fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], LogoError> {
    let (taken, tail) = rest.split_at_checked(count).ok_or(LogoError::Damaged)?;
    *rest = tail;
    Ok(taken)
}

/// Takes four bytes from the front.
fn take_four(rest: &mut &[u8]) -> Result<[u8; 4], LogoError> {
    take(rest, 4)?.try_into().map_err(|_| LogoError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_picture_is_refused_by_its_content() {
        for bytes in [
            b"".as_slice(),
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
            b"<?xml version=\"1.0\"?><svg/>",
            b"GIF89a\x10\0\x10\0",
            b"\xff\xd8\xff\xe0",
            b"<html>",
            b"RIFF\0\0\0\0WAVE",
        ] {
            assert_eq!(Logo::read(bytes), Err(LogoError::Unknown));
        }
        assert_eq!(Logo::read(&vec![0; MOST + 1]), Err(LogoError::TooLarge));
    }

    #[test]
    fn a_name_is_the_hash_of_the_bytes_and_is_written_in_one_way() {
        let hash = "ab".repeat(32);
        let name: LogoName = format!("{hash}.webp").parse().expect("a name");
        assert_eq!((name.to_string(), name.kind.media_type()), (format!("{hash}.webp"), "image/webp"));
        for text in [
            "",
            "x.png",
            &hash,
            &format!("{hash}.svg"),
            &format!("{}.png", hash.to_uppercase()),
            &format!("{hash}.png.png"),
        ] {
            assert_eq!(text.parse::<LogoName>(), Err(LogoNameError), "{text}");
        }
    }
}
