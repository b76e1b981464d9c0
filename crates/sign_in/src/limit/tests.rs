//! The scenarios, minutes of them in a moment: tokio's clock is moved.

use super::*;
use gatepost_store::session::cookie;
use gatepost_store::session::tokens::OneTimeId;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::JoinSet;
use tokio::time::sleep;

const OFFICE: &str = "192.0.2.1";
/// How long the provider takes for a code.
const EXCHANGE: Duration = Duration::from_millis(80);

/// What somebody sends.
struct Sender {
    provider: &'static str,
    browser: Option<BrowserBinding>,
    is_known: bool,
    address: &'static str,
    code: String,
    is_good: bool,
}

impl Sender {
    fn honest() -> Self {
        // Each code is another, and none like the first.
        let length = 600 + usize::from(OneTimeId::generate().as_bytes()[0]) % 32;
        let random = cookie::random().repeat(16);
        let code = format!("1.AXkA{}", &random[..length]);
        Self { provider: "entra", browser: None, is_known: false, address: OFFICE, code, is_good: true }
    }

    fn invalid(code: impl Into<String>) -> Self {
        Self { code: code.into(), is_good: false, ..Self::honest() }
    }

    /// One exchange; how long it waited until it began, or `Err` where it was refused.
    async fn exchange(
        self,
        limits: Limits,
        asked_at: Arc<Mutex<Vec<Instant>>>,
    ) -> Result<Duration, Duration> {
        let provider = self.provider.parse().expect("an id");
        let request = ExchangeRequest {
            browser: self.browser.unwrap_or_else(|| BrowserBinding::to(&cookie::random())),
            is_known: self.is_known,
            address: Some(self.address.parse().expect("an address")),
            provider: &provider,
            code: &self.code,
        };
        let begun = Instant::now();
        let permit = limits.admit(&request).await?;
        let waited = begun.elapsed();
        asked_at.lock().expect("a list").push(Instant::now());
        sleep(EXCHANGE).await;
        if self.is_good {
            permit.succeed();
        }
        Ok(waited)
    }
}

/// The result of a minute of invalid codes beside 25 honest sign-ins.
struct Minute {
    limits: Limits,
    /// How long each honest one waited.
    waits: Vec<Result<Duration, Duration>>,
    /// When the provider was queried about invalid codes.
    invalid_at: Vec<Instant>,
}

impl Minute {
    /// `invalid` makes the senders, of whom `rate` come each second.
    async fn of(rate: u32, is_known: bool, invalid: impl Fn(u64) -> Sender) -> Self {
        let (limits, invalid_at, honest_at) = (Limits::default(), Arc::default(), Arc::default());
        let (mut all_invalid, mut all_honest) = (JoinSet::new(), JoinSet::new());
        let count = AtomicU64::new(0);
        for tick in 0..60 * rate {
            let sender = invalid(count.fetch_add(1, Ordering::Relaxed));
            all_invalid.spawn(sender.exchange(limits.clone(), Arc::clone(&invalid_at)));
            if tick % (60 * rate / 25) == rate {
                all_honest.spawn(
                    Sender { is_known, ..Sender::honest() }.exchange(limits.clone(), Arc::clone(&honest_at)),
                );
            }
            sleep(Duration::from_secs(1) / rate).await;
        }
        let waits = all_honest.join_all().await;
        all_invalid.join_all().await;
        let mut invalid_at: Vec<Instant> = invalid_at.lock().expect("a list").clone();
        invalid_at.sort();
        Self { limits, waits, invalid_at }
    }

    fn most_invalid_in_a_second(&self) -> usize {
        let within = |from: &Instant| {
            self.invalid_at.iter().filter(|at| *at >= from && **at - *from < Duration::from_secs(1)).count()
        };
        self.invalid_at.iter().map(within).max().unwrap_or_default()
    }

    fn assert_nobody_is_held_up(&self, what: &str) {
        let mut waits: Vec<Duration> = self
            .waits
            .iter()
            .map(|wait| wait.unwrap_or_else(|_| panic!("{what}: an honest one was refused")))
            .collect();
        waits.sort();
        assert_eq!(waits.len(), 25, "{what}");
        assert!(waits[23] + EXCHANGE < Duration::from_secs(1), "{what}: {waits:?}");
        assert!(self.most_invalid_in_a_second() <= 5, "{what}: {}", self.most_invalid_in_a_second());
        assert!(
            self.invalid_at.len() >= 60,
            "{what}: invalid codes are slowed, not refused for ever: {}",
            self.invalid_at.len()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_codes_of_a_stranger_delay_nobody_behind_the_same_address() {
    for rate in [10, 200] {
        for code in ["junk", "0f8fad5b-d9cb-469f-a165-70867728950e"] {
            let minute = Minute::of(rate, false, |_| Sender::invalid(code)).await;
            minute.assert_nobody_is_held_up(&format!("{code} at {rate}/s"));
        }
        let minute = Minute::of(rate, false, |at| Sender::invalid(format!("junk-{at}"))).await;
        minute.assert_nobody_is_held_up(&format!("counted at {rate}/s"));
        let minute =
            Minute::of(rate, false, |_| Sender::invalid(format!("x{}", Sender::honest().code))).await;
        minute.assert_nobody_is_held_up(&format!("almost codes at {rate}/s"));
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_codes_that_look_real_are_as_slow_and_delay_no_browser_that_had_a_session() {
    let invalid = |_| Sender { is_good: false, ..Sender::honest() };
    let minute = Minute::of(200, true, invalid).await;
    assert!(minute.waits.iter().all(|wait| *wait == Ok(Duration::ZERO)), "{:?}", minute.waits);
    assert!(minute.invalid_at.len() <= 2 + 32 + 65 * 5, "{}", minute.invalid_at.len());
}

#[tokio::test(start_paused = true)]
async fn invalid_codes_of_one_browser_delay_only_that_browser() {
    let browser = Some(BrowserBinding::to("one"));
    let minute =
        Minute::of(200, false, |_| Sender { browser, is_known: true, ..Sender::invalid("junk") }).await;
    assert!(minute.waits.iter().all(|wait| *wait == Ok(Duration::ZERO)), "{:?}", minute.waits);
    assert!(minute.invalid_at.len() <= 8 + 7, "{}", minute.invalid_at.len());
    let refused = Sender { browser, ..Sender::honest() }.exchange(minute.limits, Arc::default()).await;
    assert!(refused.is_err_and(|wait| wait >= MAX_WAIT), "whoever causes it is told to wait");
}

#[tokio::test(start_paused = true)]
async fn an_office_that_comes_at_once_is_let_in_at_once() {
    let (limits, asked_at) = (Limits::default(), Arc::default());
    let mut all = JoinSet::new();
    for _ in 0..100 {
        all.spawn(Sender::honest().exchange(limits.clone(), Arc::clone(&asked_at)));
    }
    for wait in all.join_all().await {
        assert!(wait.is_ok_and(|wait| wait < Duration::from_secs(1)), "{wait:?}");
    }
    assert!(limits.queues().by_key.is_empty(), "what was given back is not remembered");
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_counted_before_the_provider_is_queried() {
    for (is_known, most) in [(false, 2), (true, 8)] {
        let (limits, asked_at) = (Limits::default(), Arc::<Mutex<Vec<_>>>::default());
        let browser = Some(BrowserBinding::to("one"));
        let mut all = JoinSet::new();
        for _ in 0..100 {
            let invalid = Sender { browser, is_known, ..Sender::invalid("junk") };
            all.spawn(invalid.exchange(limits.clone(), Arc::clone(&asked_at)));
        }
        sleep(EXCHANGE / 2).await;
        assert_eq!(asked_at.lock().expect("a list").len(), most);
    }
}

#[tokio::test(start_paused = true)]
async fn another_address_is_another_line_and_a_subscriber_has_one() {
    let queues = |addresses: &[&'static str]| {
        let addresses = addresses.to_owned();
        async move {
            let (limits, asked_at) = (Limits::default(), Arc::default());
            for address in addresses {
                let invalid = Sender { address, ..Sender::invalid("junk") };
                invalid.exchange(limits.clone(), Arc::clone(&asked_at)).await.expect("admitted");
            }
            let queues = limits.queues();
            queues.by_key.keys().filter(|key| matches!(key, QueueKey::Unfamiliar(_))).count()
        }
    };
    assert_eq!(queues(&["2001:db8::1", "2001:db8::2"]).await, 1, "a /64");
    assert_eq!(queues(&["2001:db8::1", "2001:db8:0:1::1"]).await, 2);
    assert_eq!(queues(&["192.0.2.1", "::ffff:192.0.2.1"]).await, 1);
    assert_eq!(queues(&["::ffff:192.0.2.1", "::ffff:192.0.2.2"]).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_delays_no_request_that_need_not_wait() {
    let (limits, asked_at) = (Limits::default(), Arc::<Mutex<Vec<_>>>::default());
    let mut all = JoinSet::new();
    for at in 0..16 * 128 {
        let address: &'static str = Box::leak(format!("10.0.0.{}", at / 128).into_boxed_str());
        all.spawn(
            Sender { address, ..Sender::invalid("junk") }.exchange(limits.clone(), Arc::clone(&asked_at)),
        );
    }
    sleep(EXCHANGE / 2).await;
    assert!(limits.queues().waiting >= MAX_WAITING);
    for is_known in [true, false] {
        let honest = Sender { is_known, ..Sender::honest() }.exchange(limits.clone(), Arc::default()).await;
        assert!(honest.is_ok_and(|wait| wait < Duration::from_secs(1)), "{honest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_from_everywhere_is_bounded_and_soon_forgotten() {
    let (limits, asked_at) = (Limits::default(), Arc::<Mutex<Vec<_>>>::default());
    let mut all = JoinSet::new();
    for at in 0..2_000_u32 {
        let address: &'static str = Box::leak(format!("10.0.{}.{}", at / 250, at % 250).into_boxed_str());
        all.spawn(
            Sender { address, ..Sender::invalid("junk") }.exchange(limits.clone(), Arc::clone(&asked_at)),
        );
    }
    sleep(EXCHANGE / 2).await;
    assert_eq!(asked_at.lock().expect("a list").len(), UNFAMILIAR_IN_FLIGHT.configured);
    let honest = Sender { is_known: true, address: "10.0.0.0", ..Sender::honest() };
    assert_eq!(honest.exchange(limits.clone(), Arc::default()).await, Ok(Duration::ZERO));
    all.join_all().await;
    sleep(Duration::from_mins(5)).await;
    limits.shrink();
    assert!(limits.queues().by_key.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_slow_provider_of_a_tenant_delays_nobody_elsewhere() {
    let (limits, asked_at) = (Limits::default(), Arc::<Mutex<Vec<_>>>::default());
    let admitted = async |provider: &str, browser: u32| {
        let provider = ProviderId::of_tenant(&provider.parse().expect("an id"));
        let code = Sender::honest().code;
        let request = ExchangeRequest {
            browser: BrowserBinding::to(&cookie::random()),
            is_known: true,
            address: Some(Ipv4Addr::from(browser).into()),
            provider: &provider,
            code: &code,
        };
        limits.admit(&request).await
    };
    let mut held = Vec::new();
    for browser in 0..4 {
        held.push(admitted("slow", browser).await.expect("a place"));
    }
    assert_eq!(admitted("slow", 4).await.err(), Some(MAX_WAIT), "it has no more places");
    for tenant in ["b", "c", "d"] {
        for browser in 5..9 {
            held.push(admitted(tenant, browser).await.expect("a place"));
        }
    }
    assert_eq!(admitted("e", 10).await.err(), Some(MAX_WAIT), "nor have all of them together");
    for is_known in [true, false] {
        let honest =
            Sender { is_known, ..Sender::honest() }.exchange(limits.clone(), Arc::clone(&asked_at)).await;
        assert_eq!(honest, Ok(Duration::ZERO), "of the configuration");
    }
    drop(held);
    assert!(admitted("slow", 4).await.is_ok());
}
