//! Creates and renews the certificates of a folder: those that are missing, due or for other names, or all of them.
//!
//! The authority is renewed with the same key and subject, so that a peer that trusts its old certificate also accepts
//! what is signed after the renewal. Only `force` creates new keys.

use super::certificate::{Authority, Certificate};
use super::pair::Pair;
use super::{CertsError, Name, Role, files, issue};
use gatepost_core::clock::Timestamp;
use rcgen::KeyPair;
use rustls::crypto::{CryptoProvider, ring};
use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The options of [`make`].
#[derive(Clone, Debug, Default)]
pub struct MakeOptions {
    /// Names of the server. Empty: the names of the present certificate, or `gatepost`, `localhost` and loopback.
    pub names: Vec<Name>,
    /// The folder that the proxy's files are copied to. `None`: the same as the last time, if any.
    pub client_dir: Option<PathBuf>,
    /// Replace all certificates and keys.
    pub force: bool,
}

/// Why a certificate was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The certificate or its key was missing.
    Missing,
    /// At most a third of its lifetime was left.
    Due,
    /// Its names were not the wanted ones.
    Names,
    /// [`MakeOptions::force`] was set.
    Forced,
}

/// One certificate of the folder.
#[derive(Clone, Debug)]
pub struct State {
    /// What it is for.
    pub role: Role,
    /// The file of the certificate.
    pub path: PathBuf,
    /// Why it was created; `None` if it was kept.
    pub made: Option<Cause>,
    /// The last second of its validity.
    pub not_after: Timestamp,
    /// The names in the certificate; of the authority, the names that it may sign for.
    pub names: BTreeSet<Name>,
}

/// The state of a folder after [`make`] or [`renew_if_due`].
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Authority, server, client.
    pub states: Vec<State>,
    /// The folder that the proxy's files are copied to.
    pub client_dir: Option<PathBuf>,
}

/// Creates the certificates that are missing in `folder` and renews those that are due at `now`. Blocks while another
/// process does the same.
///
/// # Errors
/// [`CertsError`]; the files that were written before are complete.
pub fn make(folder: &Path, options: &MakeOptions, now: Timestamp) -> Result<Outcome, CertsError> {
    files::create_folder(folder)?;
    files::check_folder(folder)?;
    let lock = files::lock(folder)?;
    let client_dir = match &options.client_dir {
        Some(wanted) => Some(files::set_client_dir(folder, wanted)?),
        None => files::find_client_dir(folder)?,
    };
    let provider = Arc::new(ring::default_provider());
    let outcome = Folder::read(folder, options, &provider, now)?.apply()?;
    if let Some(client_dir) = &client_dir {
        files::publish(folder, client_dir)?;
    }
    drop(lock);
    Ok(Outcome { states: outcome, client_dir })
}

/// Renews the certificates that are due at `now`, with the same names. If this process cannot renew them, because the
/// authority's key is elsewhere or the folder is read-only, it only returns their state.
///
/// # Errors
/// [`CertsError`]; the files that were written before are complete.
pub fn renew_if_due(folder: &Path, now: Timestamp) -> Result<Outcome, CertsError> {
    if !folder.is_dir() {
        return Err(CertsError::NoFolder(folder.to_owned()));
    }
    let provider = Arc::new(ring::default_provider());
    let options = MakeOptions::default();
    let read = || Folder::read(folder, &options, &provider, now);
    let found = read()?;
    let client_dir = files::find_client_dir(folder)?;
    let is_published = client_dir.as_ref().is_none_or(|place| files::is_published(folder, place));
    if found.is_up_to_date() && is_published {
        return Ok(Outcome { states: found.states(), client_dir });
    }
    match make(folder, &options, now) {
        Err(error) if error.is_read_only() => Ok(Outcome { states: read()?.states(), client_dir }),
        made => made,
    }
}

/// The files of a folder, and which of them must be created.
struct Folder<'a> {
    authority: Pair,
    server: Pair,
    client: Pair,
    names: BTreeSet<Name>,
    /// Why each certificate must be created, in the order of [`Role::ALL`].
    causes: [Option<Cause>; 3],
    is_forced: bool,
    provider: &'a Arc<CryptoProvider>,
    now: Timestamp,
}

impl<'a> Folder<'a> {
    fn read(
        path: &Path,
        options: &MakeOptions,
        provider: &'a Arc<CryptoProvider>,
        now: Timestamp,
    ) -> Result<Self, CertsError> {
        // Files that are replaced anyway need not be valid.
        let read =
            |role| if options.force { Ok(Pair::none(path, role)) } else { Pair::read(path, role, provider) };
        let [authority, server, client] = [read(Role::Authority)?, read(Role::Server)?, read(Role::Client)?];
        let names = if options.names.is_empty() {
            let found = Certificate::find(&server.certificate_path).ok().flatten();
            found.map_or_else(default_names, |certificate| certificate.names)
        } else {
            options.names.iter().cloned().collect()
        };
        let mut folder = Self {
            authority,
            server,
            client,
            names,
            causes: [None; 3],
            is_forced: options.force,
            provider,
            now,
        };
        folder.causes = folder.find_causes();
        folder.check_kept()?;
        Ok(folder)
    }

    fn find_causes(&self) -> [Option<Cause>; 3] {
        let missing = if self.is_forced { Cause::Forced } else { Cause::Missing };
        let cause = |pair: &Pair, needs_key: bool| match &pair.certificate {
            None => Some(missing),
            Some(_) if needs_key && !pair.has_key() => Some(missing),
            Some(certificate) if certificate.is_due(self.now) => Some(Cause::Due),
            Some(_) => None,
        };
        let has_names = |certificate: &Option<Certificate>| {
            certificate.as_ref().is_some_and(|certificate| certificate.names == self.names)
        };
        let may_sign = |certificate: &Option<Certificate>| {
            let permitted = issue::permitted(&self.names);
            certificate.as_ref().is_some_and(|certificate| certificate.permitted == permitted)
        };
        let server = cause(&self.server, true)
            .or_else(|| (!has_names(&self.server.certificate)).then_some(Cause::Names));
        let authority = cause(&self.authority, false)
            .or_else(|| (server.is_some() && !may_sign(&self.authority.certificate)).then_some(Cause::Names));
        [authority, server, cause(&self.client, true)]
    }

    /// The certificates that are kept must be valid under the authority, if that is kept too.
    fn check_kept(&self) -> Result<(), CertsError> {
        let Some(authority) = &self.authority.certificate else { return Ok(()) };
        if self.cause(Role::Authority).is_some() {
            return Ok(());
        }
        let authority = Authority::new(authority, self.provider, self.now)?;
        for role in [Role::Server, Role::Client] {
            if let (Some(certificate), None) = (&self.pair(role).certificate, self.cause(role)) {
                authority.check(certificate, role)?;
            }
        }
        Ok(())
    }

    const fn pair(&self, role: Role) -> &Pair {
        match role {
            Role::Authority => &self.authority,
            Role::Server => &self.server,
            Role::Client => &self.client,
        }
    }

    const fn cause(&self, role: Role) -> Option<Cause> {
        self.causes[role as usize]
    }

    fn is_up_to_date(&self) -> bool {
        self.causes == [None; 3]
    }

    /// The certificates that exist.
    fn states(&self) -> Vec<State> {
        let found =
            Role::ALL.into_iter().filter_map(|role| Some((role, self.pair(role).certificate.as_ref()?)));
        found.map(|(role, certificate)| state(role, certificate, None)).collect()
    }

    /// Signs all new certificates, verifies them, and only then writes them: an invalid one replaces nothing.
    fn apply(self) -> Result<Vec<State>, CertsError> {
        if self.is_up_to_date() {
            return Ok(self.states());
        }
        let key = self.authority_key()?;
        let proxy = BTreeSet::from([Name::Dns(issue::PROXY.to_owned())]);
        let leaf = |role, names| {
            let pair = self.pair(role);
            let sign = |own: &KeyPair| issue::leaf(role, own, names, &key, self.now);
            Staged::new(
                role,
                pair,
                self.cause(role),
                || pair.key_pair()?.map_or_else(issue::new_key, Ok),
                sign,
            )
        };
        let sign = |own: &KeyPair| issue::authority(own, &self.names, self.now);
        let of_authority = self.cause(Role::Authority);
        let staged = [
            Staged::new(Role::Authority, &self.authority, of_authority, || Ok(&key), sign)?,
            leaf(Role::Server, &self.names)?,
            leaf(Role::Client, &proxy)?,
        ];
        let [authority, leaves @ ..] = &staged;
        let authority = Authority::new(&authority.certificate, self.provider, self.now)?;
        leaves.iter().try_for_each(|leaf| authority.check(&leaf.certificate, leaf.role))?;
        staged.iter().try_for_each(Staged::write)?;
        Ok(staged.iter().map(|staged| state(staged.role, &staged.certificate, staged.cause)).collect())
    }

    /// The key of the authority: the present one, or a new one if there is no authority yet.
    fn authority_key(&self) -> Result<KeyPair, CertsError> {
        let wanted = Role::ALL.into_iter().find(|role| self.cause(*role).is_some());
        let wanted = self.pair(wanted.unwrap_or(Role::Authority)).certificate_path.clone();
        match (&self.authority.certificate, self.authority.key_pair()?) {
            (None, None) => issue::new_key(),
            (Some(certificate), _) if certificate.common_name != issue::AUTHORITY => {
                Err(CertsError::ForeignAuthority { wanted, authority: certificate.path.clone() })
            }
            (_, Some(key)) => Ok(key),
            (Some(_), None) => {
                Err(CertsError::NoAuthorityKey { wanted, key: self.authority.key_path.clone() })
            }
        }
    }
}

/// A certificate that is kept, or one that is signed and not written yet.
struct Staged<'a> {
    role: Role,
    pair: &'a Pair,
    cause: Option<Cause>,
    certificate: Certificate,
    /// The texts of certificate and key, if the certificate is new.
    new: Option<(String, Zeroizing<String>)>,
}

impl<'a> Staged<'a> {
    /// Keeps the present certificate, or signs another if there is a cause.
    fn new<K: Borrow<KeyPair>>(
        role: Role,
        pair: &'a Pair,
        cause: Option<Cause>,
        key: impl FnOnce() -> Result<K, CertsError>,
        sign: impl FnOnce(&KeyPair) -> Result<String, CertsError>,
    ) -> Result<Self, CertsError> {
        if let (Some(certificate), None) = (&pair.certificate, cause) {
            return Ok(Self { role, pair, cause, certificate: certificate.clone(), new: None });
        }
        let key = key()?;
        let text = sign(key.borrow())?;
        let certificate = Certificate::parse(&pair.certificate_path, &text)?;
        let new = Some((text, Zeroizing::new(key.borrow().serialize_pem())));
        Ok(Self { role, pair, cause, certificate, new })
    }

    /// Writes the key first, and only if there was none: a present key is replaced by `force` alone.
    fn write(&self) -> Result<(), CertsError> {
        let Some((certificate, key)) = &self.new else { return Ok(()) };
        if !self.pair.has_key() {
            files::write_key(&self.pair.key_path, key)?;
        }
        files::write_certificate(&self.pair.certificate_path, certificate)
    }
}

pub(super) fn state(role: Role, certificate: &Certificate, made: Option<Cause>) -> State {
    let names = if role == Role::Authority { &certificate.permitted } else { &certificate.names };
    State {
        role,
        path: certificate.path.clone(),
        made,
        not_after: certificate.not_after,
        names: names.clone(),
    }
}

fn default_names() -> BTreeSet<Name> {
    let names = ["gatepost", "localhost"].map(|name| Name::Dns(name.to_owned()));
    let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    names.into_iter().chain(addresses.map(Name::Ip)).collect()
}
