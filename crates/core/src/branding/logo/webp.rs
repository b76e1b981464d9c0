//! WebP (RFC 9649): the chunks that make the picture.

use super::{LogoError, demand_size, take, take_four};

/// Flags of an extended picture (section 2.7.1).
const ANIMATION: u8 = 0b0000_0010;
const ALPHA: u8 = 0b0001_0000;

/// The picture without what is not its pixels.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<u8>, LogoError> {
    let mut rest = bytes.strip_prefix(b"RIFF").ok_or(LogoError::Unknown)?;
    let length = u32::from_le_bytes(take_four(&mut rest)?);
    if usize::try_from(length) != Ok(rest.len()) {
        return Err(LogoError::Damaged);
    }
    rest = rest.strip_prefix(b"WEBP").ok_or(LogoError::Unknown)?;
    let mut kept = b"WEBP".to_vec();
    let mut canvas = None;
    let mut pixels = None;
    while !rest.is_empty() {
        let (kind, length) = (take_four(&mut rest)?, u32::from_le_bytes(take_four(&mut rest)?));
        let data = take(&mut rest, usize::try_from(length).map_err(|_| LogoError::Damaged)?)?;
        take(&mut rest, data.len() % 2)?;
        match &kind {
            b"VP8X" if canvas.is_none() && pixels.is_none() => {
                let (size, flags) = extended(data)?;
                canvas = Some(size);
                let [width, height] = [size.0 - 1, size.1 - 1].map(u32::to_le_bytes);
                push(&mut kept, b"VP8X", &[&[flags, 0, 0, 0][..], &width[..3], &height[..3]].concat())?;
            }
            b"ALPH" if canvas.is_some() && pixels.is_none() => push(&mut kept, &kind, data)?,
            b"VP8 " | b"VP8L" if pixels.is_none() => {
                pixels = Some(if &kind == b"VP8 " { lossy(data)? } else { lossless(data)? });
                push(&mut kept, &kind, data)?;
            }
            b"ANIM" | b"ANMF" => return Err(LogoError::Animated),
            b"VP8X" | b"ALPH" | b"VP8 " | b"VP8L" => return Err(LogoError::Damaged),
            // Readers leave out what they do not know (section 2.7.1.6).
            _ => {}
        }
    }
    let (width, height) = pixels.ok_or(LogoError::Damaged)?;
    if canvas.is_some_and(|size| size != (width, height)) {
        return Err(LogoError::Damaged);
    }
    demand_size(width, height)?;
    let length = u32::try_from(kept.len()).map_err(|_| LogoError::TooLarge)?;
    Ok([b"RIFF", &length.to_le_bytes()[..], &kept].concat())
}

fn push(kept: &mut Vec<u8>, kind: &[u8], data: &[u8]) -> Result<(), LogoError> {
    let length = u32::try_from(data.len()).map_err(|_| LogoError::TooLarge)?;
    kept.extend(kind);
    kept.extend(length.to_le_bytes());
    kept.extend(data);
    if !data.len().is_multiple_of(2) {
        kept.push(0);
    }
    Ok(())
}

/// Width and height, and the flags that remain without profile and texts.
fn extended(data: &[u8]) -> Result<((u32, u32), u8), LogoError> {
    let [flags, _, _, _, w0, w1, w2, h0, h1, h2] = *data else { return Err(LogoError::Damaged) };
    if flags & ANIMATION != 0 {
        return Err(LogoError::Animated);
    }
    let size = |bytes: [u8; 4]| u32::from_le_bytes(bytes) + 1;
    Ok(((size([w0, w1, w2, 0]), size([h0, h1, h2, 0])), flags & ALPHA))
}

/// Width and height of a key frame (RFC 6386 section 9.1).
fn lossy(data: &[u8]) -> Result<(u32, u32), LogoError> {
    let [tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] = *data else { return Err(LogoError::Damaged) };
    if tag & 1 != 0 {
        return Err(LogoError::Damaged);
    }
    let size = |bytes: [u8; 2]| u32::from(u16::from_le_bytes(bytes) & 0x3fff);
    Ok((size([w0, w1]), size([h0, h1])))
}

/// Width and height of a lossless picture (section 3.4): 14 bits each, less one, then alpha and a version that is 0.
fn lossless(data: &[u8]) -> Result<(u32, u32), LogoError> {
    let [0x2f, b0, b1, b2, b3, ..] = *data else { return Err(LogoError::Damaged) };
    let bits = u32::from_le_bytes([b0, b1, b2, b3]);
    if bits >> 29 != 0 {
        return Err(LogoError::Damaged);
    }
    Ok(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::branding::{Logo, LogoKind};
    use proptest::prelude::*;

    fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
        let mut chunk = Vec::new();
        push(&mut chunk, kind, data).expect("a short chunk");
        chunk
    }

    fn picture(chunks: &[Vec<u8>]) -> Vec<u8> {
        let body = [b"WEBP".to_vec(), chunks.concat()].concat();
        [b"RIFF", &u32::try_from(body.len()).expect("short").to_le_bytes()[..], &body].concat()
    }

    fn lossy(width: u16, height: u16) -> Vec<u8> {
        let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
        chunk(b"VP8 ", &[&[0x10, 0, 0, 0x9d, 0x01, 0x2a][..], &size, b"pixels"].concat())
    }

    fn lossless(width: u32, height: u32) -> Vec<u8> {
        let bits = (width - 1) | (height - 1) << 14;
        chunk(b"VP8L", &[&[0x2f][..], &bits.to_le_bytes(), b"pixels"].concat())
    }

    fn extended(flags: u8, width: u8, height: u8) -> Vec<u8> {
        chunk(b"VP8X", &[flags, 0, 0, 0, width - 1, 0, 0, height - 1, 0, 0])
    }

    #[test]
    fn each_form_is_read_and_what_is_not_the_picture_is_left_out() {
        for bytes in [picture(&[lossy(16, 512)]), picture(&[lossless(512, 16)])] {
            let logo = Logo::read(&bytes).expect("a picture");
            assert_eq!((logo.bytes(), logo.name().kind), (&*bytes, LogoKind::WebP));
        }
        let full = picture(&[
            extended(0b0011_1100, 64, 32),
            chunk(b"ICCP", b"profile"),
            chunk(b"ALPH", b"alpha"),
            lossy(64, 32),
            chunk(b"EXIF", b"where"),
            chunk(b"XMP ", b"<x:xmpmeta/>"),
        ]);
        let kept = picture(&[extended(ALPHA, 64, 32), chunk(b"ALPH", b"alpha"), lossy(64, 32)]);
        let logo = Logo::read(&full).expect("a picture");
        assert_eq!(logo.bytes(), kept);
        assert_eq!(Logo::read(&kept), Ok(logo), "and what is kept is kept");
    }

    #[test]
    fn a_picture_that_lies_about_itself_is_refused() {
        let mut longer = picture(&[lossy(16, 16)]);
        longer.extend(b"<script>");
        for (bytes, why) in [
            (picture(&[lossy(15, 16)]), LogoError::Size(15, 16)),
            (picture(&[lossless(16, 513)]), LogoError::Size(16, 513)),
            (picture(&[extended(0, 64, 32), lossy(16, 16)]), LogoError::Damaged),
            (picture(&[extended(ANIMATION, 64, 32)]), LogoError::Animated),
            (picture(&[chunk(b"ANIM", b""), lossy(16, 16)]), LogoError::Animated),
            (picture(&[lossy(16, 16), lossy(16, 16)]), LogoError::Damaged),
            (picture(&[lossy(16, 16), extended(0, 16, 16)]), LogoError::Damaged),
            (picture(&[chunk(b"ALPH", b""), lossy(16, 16)]), LogoError::Damaged),
            (picture(&[chunk(b"VP8 ", b"<svg/>")]), LogoError::Damaged),
            (picture(&[]), LogoError::Damaged),
            (longer, LogoError::Damaged),
        ] {
            assert_eq!(Logo::read(&bytes), Err(why));
        }
    }

    proptest! {
        #[test]
        fn a_broken_picture_never_panics(cut in 0..60_usize, at in 0..60_usize, byte: u8) {
            let mut bytes = picture(&[extended(0, 16, 16), lossy(16, 16)]);
            if let Some(changed) = bytes.get_mut(at) {
                *changed = byte;
            }
            bytes.truncate(bytes.len().saturating_sub(cut));
            let _ = Logo::read(&bytes);
        }
    }
}
