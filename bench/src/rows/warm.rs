//! Compares warm answers of Gatepost with bare servers: on kept connections, over TLS, on many and on new connections.

use super::Stage;
use super::production::{CONNECTIONS, Production, start_tls};
use crate::load::Wire;
use crate::measure::Contestant;
use std::io;

/// The numbers of connections, besides the default.
const NUMBERS: [usize; 4] = [1, CONNECTIONS, 128, 2_000];

/// Measures over http, and over TLS with HTTP/2.
pub async fn run(stage: &mut Stage, production: &Production) -> io::Result<()> {
    let (ground, schedule) = (stage.ground.clone(), stage.tempo.deciding());
    let bare = ground.bare_gate(&production.answers).await?;
    let gatepost = production.site.start(&ground, &production.site.builder(&ground)).await?;
    let server = production.certificates.path().join("server");
    let bare_tls = ground.bare_gate_tls(&server, &production.answers).await?;
    let gatepost_tls = start_tls(&production.site, &ground, &production.certificates).await?;
    let over_tls = |contestant: Contestant| -> io::Result<Contestant> {
        Ok(Contestant { wire: Wire::Tls(production.client()?), ..contestant })
    };
    let http = [production.bare(&bare, "bare actix-web"), production.gatepost(&gatepost, "Gatepost")];
    let tls = [
        over_tls(production.bare(&bare_tls, "bare hyper"))?,
        over_tls(production.gatepost(&gatepost_tls, "Gatepost"))?,
    ];
    http[1].become_known(ground.cores).await?;
    tls[1].become_known(ground.cores).await?;
    let titles = ["Warm, http, 16 connections", "Warm, TLS with HTTP/2, one connection, 16 requests at once"];
    let rows = stage.rows(&[(titles[0], &http), (titles[1], &tls)], schedule).await?;
    let [http_ratio, tls_ratio] = [rows[0].cpu_ratio(1), rows[1].cpu_ratio(1)];
    if let Some(ratio) = http_ratio {
        let note = "Gatepost by bare actix-web with the same answer, http, 16 connections";
        let fact = stage.report.fact("CPU of a warm /verify", ratio, "ratio", note);
        fact.must("CPU of a warm /verify : bare actix handler with the same answer headers", 1.25, 1.0);
    }
    if let Some(ratio) = tls_ratio {
        let note = "Gatepost by bare hyper with the same answer, one connection, 16 requests at once";
        let fact = stage.report.fact("CPU of a warm /verify over TLS with HTTP/2", ratio, "ratio", note);
        fact.must("CPU of a warm /verify over TLS : bare hyper with the same answer headers", 1.10, 1.03);
    }
    Ok(())
}

/// Measures with different numbers of connections.
pub async fn connections(stage: &mut Stage, production: &Production) -> io::Result<()> {
    let (ground, schedule) = (stage.ground.clone(), stage.tempo.short());
    let bare = ground.bare_gate(&production.answers).await?;
    let gatepost = production.site.start(&ground, &production.site.builder(&ground)).await?;
    for connections in NUMBERS {
        let many = |contestant: Contestant| Contestant { connections, ..contestant };
        let contestants = [
            many(production.bare(&bare, "bare actix-web")),
            many(production.gatepost(&gatepost, "Gatepost")),
        ];
        contestants[1].become_known(ground.cores).await?;
        let title = format!("By number of connections, warm, http: {connections}");
        stage.row(&title, &contestants, schedule).await?;
    }
    Ok(())
}

/// Measures with a new connection for each request, as Traefik often opens them over http under load.
pub async fn fresh(stage: &mut Stage, production: &Production) -> io::Result<()> {
    let (ground, schedule) = (stage.ground.clone(), stage.tempo.short());
    let bare = ground.bare_gate(&production.answers).await?;
    let gatepost = production.site.start(&ground, &production.site.builder(&ground)).await?;
    let once = |contestant: Contestant| Contestant { wire: Wire::Once, ..contestant };
    let contestants =
        [once(production.bare(&bare, "bare actix-web")), once(production.gatepost(&gatepost, "Gatepost"))];
    contestants[1].become_known(ground.cores).await?;
    stage.row("Warm, http, a new connection for each request, 16 at once", &contestants, schedule).await?;
    Ok(())
}
