//! Parses the name of a container image, and its version.

/// An image, written `[registry/]path/name[:tag][@digest]`.
#[derive(Debug)]
pub(super) struct Image<'a> {
    /// The last part of the path.
    pub name: &'a str,
    pub tag: Option<&'a str>,
    /// Whether a digest is given.
    pub is_pinned: bool,
}

/// The version in a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// All three numbers.
    Exact([u32; 3]),
    /// Only the first numbers, so the next pull may bring another version.
    Floating(u32, Option<u32>),
    /// No number: no tag, `latest` or another word.
    Unknown,
}

impl<'a> Image<'a> {
    pub fn parse(text: &'a str) -> Self {
        let (rest, is_pinned) = text.split_once('@').map_or((text, false), |(rest, _)| (rest, true));
        let last = rest.rsplit('/').next().unwrap_or(rest);
        let (name, tag) = last.split_once(':').map_or((last, None), |(name, tag)| (name, Some(tag)));
        Self { name, tag, is_pinned }
    }

    pub fn version(&self) -> Version {
        let tag = self.tag.unwrap_or_default();
        let numbers = tag.strip_prefix('v').unwrap_or(tag).split('-').next().unwrap_or_default();
        let numbers: Vec<Option<u32>> = numbers.split('.').map(|number| number.parse().ok()).collect();
        match numbers[..] {
            [Some(major), Some(minor), Some(patch)] => Version::Exact([major, minor, patch]),
            [Some(major), Some(minor)] => Version::Floating(major, Some(minor)),
            [Some(major)] => Version::Floating(major, None),
            _ => Version::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_the_tag() {
        for (text, version) in [
            ("traefik:v3.7.13", Version::Exact([3, 7, 13])),
            ("docker.io:443/library/traefik:3.6.2-alpine@sha256:00", Version::Exact([3, 6, 2])),
            ("traefik:v3.7", Version::Floating(3, Some(7))),
            ("traefik:v2", Version::Floating(2, None)),
            ("traefik:latest", Version::Unknown),
            ("traefik:saintnectaire", Version::Unknown),
            ("traefik", Version::Unknown),
        ] {
            let image = Image::parse(text);
            assert_eq!((image.name, image.version()), ("traefik", version), "{text}");
        }
    }
}
