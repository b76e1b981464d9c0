//! A real nginx (Debian package `nginx`) with one port for people.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::{Authority, Running, SYSTEM_PATH, free_addr};

const START: Duration = Duration::from_secs(30);

/// Where the shipped files lie on a server.
const FOLDER: &str = "/etc/nginx/gatepost";

/// A running nginx. It is killed when this value is dropped.
#[derive(Debug)]
pub struct Nginx {
    running: Running,
    secure: SocketAddr,
    _folder: TempDir,
}

impl Nginx {
    /// Starts nginx with this configuration of its `http` block, `site.conf` and `tenants.conf`, in a folder of its own. Every host
    /// has the certificate of `authority`, if `site.conf` has one.
    pub async fn start(template: &str, site: &str, tenants: &str, authority: &Authority) -> Self {
        let folder = TempDir::new().expect("a folder for nginx");
        let path = folder.path().display();
        let (certificate, key) = authority.write(folder.path());
        let (secure, plain) = (free_addr(), free_addr());
        let here = |text: &str| -> String {
            let lines = text.lines().filter(|line| !line.contains("listen [::]"));
            let text: String = lines.flat_map(|line| [line, "\n"]).collect();
            text.replace("listen 443", &format!("listen {secure}"))
                .replace("listen 127.0.0.1:80", &format!("listen {secure}"))
                .replace("listen 80", &format!("listen {plain}"))
                .replace(&format!("{FOLDER}/tls/$ssl_server_name.crt"), &certificate.display().to_string())
                .replace(&format!("{FOLDER}/tls/$ssl_server_name.key"), &key.display().to_string())
                .replace(FOLDER, &path.to_string())
        };
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {path}/{name};\n"))
            .concat();
        let main = format!(
            "daemon off;\nmaster_process off;\npid {path}/pid;\nerror_log stderr notice;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}include {path}/http.conf;\n}}\n"
        );
        for (name, text) in [
            ("nginx.conf", main),
            ("http.conf", here(template)),
            ("site.conf", here(site)),
            ("site-local.conf", here(site)),
            ("tenants.conf", here(tenants)),
        ] {
            std::fs::write(folder.path().join(name), text).expect("the folder is ours");
        }
        let mut command = Command::new("nginx");
        command.env_clear().env("PATH", SYSTEM_PATH);
        command.current_dir(folder.path()).args(["-e", "stderr", "-p"]).arg(folder.path());
        command.arg("-c").arg(folder.path().join("nginx.conf"));
        let running = Running::start("nginx", command);
        running.ready(START, async || TcpStream::connect(secure).await.ok().map(drop)).await;
        Self { running, secure, _folder: folder }
    }

    /// The port for people: with TLS, if `site.conf` has a certificate.
    pub fn secure(&self) -> SocketAddr {
        self.secure
    }

    /// What nginx has written.
    pub fn log(&self) -> String {
        self.running.log()
    }
}
