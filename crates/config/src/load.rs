//! Finds the configuration file, merges it with the environment and reads every section.

use super::error::{ConfigError, ConfigErrors, Problem};
use super::raw::{CONFIG_VARIABLE, TomlFile};
use super::reader::{Read, Reader};
use super::{
    ClientCredential, Config, RemoteConfig, SpeakerKey, StoresConfig, address, groups, identity_policy, log,
    providers, remote, requests, retention, services, session, speakers, stores, tenants, webhook,
};
use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The paths of the file if the operator names none. The first that exists is read.
const PLACES: [&str; 2] = ["gatepost.toml", "/etc/gatepost/gatepost.toml"];

/// What `default_tenant` must be.
const TENANT: &str = "the id of a tenant: 1 to 64 of A-Z, a-z, 0-9, . - and _";

impl Config {
    /// Reads the configuration from a file and from `environment`, the whole environment of the process, which takes
    /// precedence. The file is `toml_path`, else the one that `GATEPOST_CONFIG` names, else `./gatepost.toml` or
    /// `/etc/gatepost/gatepost.toml` if it exists.
    ///
    /// # Errors
    /// All errors at once. None contains a secret.
    pub fn load(
        toml_path: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigErrors> {
        Self::read(Self::reader(toml_path, environment)?)
    }

    fn reader(
        toml_path: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Reader, ConfigErrors> {
        let environment: Vec<(String, String)> = environment.collect();
        let variable = environment.iter().find(|(name, _)| name == CONFIG_VARIABLE);
        let named = match (toml_path, variable) {
            (Some(path), _) => Some(("--config", path.to_owned())),
            (None, Some((name, path))) => Some((name.as_str(), PathBuf::from(path))),
            (None, None) => None,
        };
        let file = find_file(named).map_err(|error| ConfigErrors::new(vec![error]))?;
        let file = file.as_ref().map(|(path, text)| (path.to_string_lossy(), text));
        let file = file.as_ref().map(|(name, text)| TomlFile { name: name.as_ref(), text });
        Ok(Reader::new(file.as_ref(), environment.into_iter()))
    }

    /// Reads where the command line finds an installation that runs elsewhere; `None`: it works on the stores here. Of the
    /// other settings only `ca_file` is read, because they belong to an installation here.
    ///
    /// # Errors
    /// All errors of these settings at once. None contains the key.
    pub fn load_remote(
        toml_path: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Option<RemoteConfig>, ConfigErrors> {
        // A file that cannot be read stops whatever reads the settings of an installation here.
        let Ok(mut reader) = Self::reader(toml_path, environment) else { return Ok(None) };
        if !remote::is_given(&reader) {
            return Ok(None);
        }
        let read = remote::read(&mut reader);
        reader.finish_part(remote::PREFIX, read)
    }

    /// Reads only the settings of the stores and `ca_file`, so that `gatepost check` can examine the stores although
    /// other settings have errors; `None` if one of these settings has an error.
    pub fn load_stores(
        toml_path: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Option<(StoresConfig, Option<PathBuf>)> {
        let mut reader = Self::reader(toml_path, environment).ok()?;
        let ca_file = address::read_ca_file(&mut reader).ok()?;
        stores::read_stores(&mut reader).ok().map(|stores| (stores, ca_file))
    }

    /// Reads the configuration from the text of a file and from `environment`. Files that settings name are opened.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(
        toml_text: &str,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigErrors> {
        let file = TomlFile { name: PLACES[0], text: toml_text };
        Self::read(Reader::new(Some(&file), environment))
    }

    fn read(mut reader: Reader) -> Result<Self, ConfigErrors> {
        let built = sections(&mut reader);
        reader.finish(built)
    }
}

impl Config {
    /// Reads the files of secrets again where that is due, so that a problem with a file is logged early, although the
    /// secret may not be used for hours.
    pub fn reload_secrets(&self) {
        if let StoresConfig::Shared { redis_url, database_url } = &self.stores {
            redis_url.current();
            database_url.current();
        }
        for provider in &self.providers {
            match &provider.credential {
                ClientCredential::Secret(secret) | ClientCredential::Certificate(secret) => {
                    secret.current();
                }
                ClientCredential::AssertionFile(_) => {}
            }
        }
        for speaker in &self.speakers {
            if let SpeakerKey::Secret(secret) = &speaker.key {
                secret.current();
            }
        }
    }
}

/// Reads every section before it returns the first error, so that all errors are recorded.
pub(super) fn sections(reader: &mut Reader) -> Read<Config> {
    let addresses = address::read(reader);
    let stores = stores::read(reader);
    let providers = providers::read(reader);
    let speakers = speakers::read(reader);
    let services = services::read(reader);
    let groups = groups::read(reader, providers.as_ref().ok().map(Vec::as_slice));
    let address_changes = identity_policy::read(reader);
    let session = session::read(reader);
    let verify = session::read_verify(reader);
    let requests = requests::read(reader);
    let tenants = tenants::read(reader);
    let webhook = webhook::read(reader);
    let default_tenant = reader.value("default_tenant", TENANT, |text| text.parse().ok());
    let retention = retention::read(reader, session.as_ref().ok());
    let log = log::read(reader);
    let remote = remote::read(reader);
    let (addresses, (stores, secret_keys), groups) = (addresses?, stores?, groups?);
    remote?;
    Ok(Config {
        public_url: addresses.public_url,
        internal_addr: addresses.internal_addr,
        public_addr: addresses.public_addr,
        internal_tls: addresses.internal_tls,
        health_addr: addresses.health_addr,
        filter_addr: addresses.filter_addr,
        services: services?,
        hosts: addresses.hosts,
        allowed_origins: addresses.allowed_origins,
        trusted_proxies: addresses.trusted_proxies,
        ca_file: addresses.ca_file,
        secret_keys,
        stores,
        providers: providers?,
        speakers: speakers?,
        group_links: groups.links,
        admin_groups: groups.admins,
        admin_roles: groups.admin_roles,
        address_changes: address_changes?,
        session: session?,
        verify: verify?,
        requests: requests?,
        tenants: tenants?,
        webhook: webhook?,
        default_tenant: default_tenant?,
        retention: retention?,
        log: log?,
    })
}

fn find_file(named: Option<(&str, PathBuf)>) -> Result<Option<(PathBuf, String)>, ConfigError> {
    let unreadable = |setting: Cow<'_, str>, path, cause| ConfigError {
        setting: setting.into_owned(),
        problem: Problem::Unreadable { path, cause },
    };
    if let Some((setting, path)) = named {
        return match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some((path, text))),
            Err(cause) => Err(unreadable(setting.into(), path, cause)),
        };
    }
    for path in PLACES.map(PathBuf::from) {
        match std::fs::read_to_string(&path) {
            Ok(text) => return Ok(Some((path, text))),
            Err(cause) if cause.kind() == ErrorKind::NotFound => {}
            Err(cause) => return Err(unreadable(path.to_string_lossy().into_owned().into(), path, cause)),
        }
    }
    Ok(None)
}
