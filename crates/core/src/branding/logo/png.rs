//! PNG (third edition, W3C 2025): the chunks that make the picture.

use super::{LogoError, demand_size, take, take_four};

pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Chunks beside the necessary ones that change how the picture looks, and hold nothing else.
const KEPT: [&[u8; 4]; 6] = [b"PLTE", b"tRNS", b"gAMA", b"sRGB", b"cHRM", b"IDAT"];

/// The picture without what is not its pixels.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<u8>, LogoError> {
    let mut rest = bytes.strip_prefix(SIGNATURE).ok_or(LogoError::Unknown)?;
    let mut kept = SIGNATURE.to_vec();
    let mut has_header = false;
    let mut has_pixels = false;
    loop {
        let start = rest;
        let (length, kind) = (u32::from_be_bytes(take_four(&mut rest)?), take_four(&mut rest)?);
        let data = take(&mut rest, usize::try_from(length).map_err(|_| LogoError::Damaged)?)?;
        let sum = u32::from_be_bytes(take_four(&mut rest)?);
        if sum != crc(kind.iter().chain(data)) || has_header == (&kind == b"IHDR") {
            return Err(LogoError::Damaged);
        }
        let chunk = &start[..start.len() - rest.len()];
        match &kind {
            b"IHDR" => {
                demand_header(data)?;
                has_header = true;
                kept.extend(chunk);
            }
            b"IEND" => {
                let is_whole = data.is_empty() && has_pixels && rest.is_empty();
                kept.extend(chunk);
                return if is_whole { Ok(kept) } else { Err(LogoError::Damaged) };
            }
            b"acTL" | b"fcTL" | b"fdAT" => return Err(LogoError::Animated),
            known if KEPT.contains(&known) => {
                has_pixels |= known == b"IDAT";
                kept.extend(chunk);
            }
            // A chunk whose first letter is small can be left out (section 5.4).
            [first, ..] if first.is_ascii_lowercase() => {}
            _ => return Err(LogoError::Damaged),
        }
    }
}

fn demand_header(data: &[u8]) -> Result<(), LogoError> {
    let mut rest = data;
    let (width, height) =
        (u32::from_be_bytes(take_four(&mut rest)?), u32::from_be_bytes(take_four(&mut rest)?));
    let [depth, colour, 0, 0, 0 | 1] = rest else { return Err(LogoError::Damaged) };
    let is_possible = match colour {
        0 => [1, 2, 4, 8, 16].contains(depth),
        3 => [1, 2, 4, 8].contains(depth),
        2 | 4 | 6 => [8, 16].contains(depth),
        _ => false,
    };
    if !is_possible {
        return Err(LogoError::Damaged);
    }
    demand_size(width, height)
}

/// CRC-32 (annex D).
fn crc<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::branding::{Logo, LogoKind};
    use proptest::prelude::*;

    fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).expect("a short chunk");
        [&length.to_be_bytes(), kind, data, &crc(kind.iter().chain(data)).to_be_bytes()].concat()
    }

    fn header(width: u32, height: u32) -> Vec<u8> {
        chunk(b"IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat())
    }

    fn picture(chunks: &[Vec<u8>]) -> Vec<u8> {
        [SIGNATURE.to_vec(), chunks.concat()].concat()
    }

    fn plain(width: u32, height: u32) -> Vec<u8> {
        picture(&[header(width, height), chunk(b"IDAT", b"pixels"), chunk(b"IEND", b"")])
    }

    #[test]
    fn what_is_not_the_picture_is_left_out() {
        let plain = plain(16, 512);
        let full = picture(&[
            header(16, 512),
            chunk(b"iCCP", b"profile"),
            chunk(b"tEXt", b"Comment\0<script>"),
            chunk(b"eXIf", b"where"),
            chunk(b"IDAT", b"pixels"),
            chunk(b"iTXt", b"https://evil.example"),
            chunk(b"IEND", b""),
        ]);
        let logo = Logo::read(&full).expect("a picture");
        assert_eq!((logo.bytes(), logo.name().kind), (&*plain, LogoKind::Png));
        assert_eq!(Logo::read(&plain), Ok(logo), "and what is kept is kept");
    }

    #[test]
    fn a_picture_that_lies_about_itself_is_refused() {
        let (pixels, end) = (chunk(b"IDAT", b"pixels"), chunk(b"IEND", b""));
        let mut flipped = plain(16, 16);
        flipped[20] ^= 1;
        for (bytes, why) in [
            (plain(15, 16), LogoError::Size(15, 16)),
            (plain(16, 513), LogoError::Size(16, 513)),
            (plain(0, u32::MAX), LogoError::Size(0, u32::MAX)),
            (picture(&[header(16, 16), end.clone()]), LogoError::Damaged),
            (picture(&[pixels.clone(), end.clone()]), LogoError::Damaged),
            (picture(&[header(16, 16), header(16, 16), pixels.clone(), end.clone()]), LogoError::Damaged),
            (
                picture(&[header(16, 16), chunk(b"EVIL", b""), pixels.clone(), end.clone()]),
                LogoError::Damaged,
            ),
            (
                picture(&[header(16, 16), chunk(b"acTL", b""), pixels.clone(), end.clone()]),
                LogoError::Animated,
            ),
            ([plain(16, 16), b"<script>".to_vec()].concat(), LogoError::Damaged),
            (flipped, LogoError::Damaged),
            (SIGNATURE.to_vec(), LogoError::Damaged),
            ([SIGNATURE, b"<svg xmlns='http://www.w3.org/2000/svg'/>"].concat(), LogoError::Damaged),
        ] {
            assert_eq!(Logo::read(&bytes), Err(why));
        }
    }

    proptest! {
        #[test]
        fn a_broken_picture_never_panics(cut in 0..90_usize, at in 0..90_usize, byte: u8) {
            let mut bytes = plain(16, 16);
            if let Some(changed) = bytes.get_mut(at) {
                *changed = byte;
            }
            bytes.truncate(bytes.len().saturating_sub(cut));
            let _ = Logo::read(&bytes);
        }
    }
}
