//! The people: each before a browser with `Open WebUI`'s page, or with a program that uses its API.

use crate::house::House;
use crate::stage::CHAT;
use gatepost_kit::browser::Browser;
use gatepost_kit::client::{Answer, Client, Kind};
use gatepost_kit::language_model::MODEL;
use gatepost_kit::process::until;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Chooses an account at the provider.
pub async fn pick(browser: &Browser, who: &str) {
    browser.wait_for_text("Pick an account").await;
    browser.click_id(&format!("person-{who}")).await;
}

/// A person before `Open WebUI`'s page.
pub struct Visitor<'a> {
    pub browser: Browser,
    house: &'a House,
}

impl<'a> Visitor<'a> {
    /// Signs in with a browser of their own and waits until the page takes questions.
    pub async fn signed_in(house: &'a House, who: &str) -> Self {
        let visitor = Self { browser: house.empty_browser().await, house };
        visitor.arrive(who).await;
        visitor
    }

    /// Signs in at this browser, where nobody is signed in.
    pub async fn arrive(&self, who: &str) {
        self.browser.open(&format!("{CHAT}/")).await;
        pick(&self.browser, who).await;
        self.wait_for_input().await;
    }

    /// Waits until the page takes questions.
    pub async fn wait_for_input(&self) {
        self.wait_until("document.querySelector('#chat-input') !== null").await;
    }

    /// Waits until an expression is true on the page.
    pub async fn wait_until(&self, expression: &str) {
        let truth = until(expression, TIMEOUT, async || {
            (self.browser.evaluate(expression).await == true).then_some(())
        });
        if tokio::time::timeout(TIMEOUT - Duration::from_secs(1), truth).await.is_err() {
            self.picture("failed").await;
            panic!("not true: {expression}; the page shows:\n{}", self.browser.text().await);
        }
    }

    /// Writes into the input.
    pub async fn write(&self, text: &str) {
        self.browser.type_into("chat-input", text).await;
    }

    /// Sends what is written there.
    pub async fn send(&self) {
        self.browser.type_into("chat-input", "\n").await;
    }

    /// Asks and waits for the whole answer.
    pub async fn ask(&self, question: &str) {
        self.write(question).await;
        self.send().await;
        self.browser.wait_for_text(&format!("You said: {question}")).await;
    }

    /// What is written and not sent.
    pub async fn draft(&self) -> String {
        let draft = self.browser.evaluate("document.querySelector('#chat-input')?.innerText ?? ''").await;
        draft.as_str().unwrap_or_default().trim().to_owned()
    }

    /// Leaves a picture.
    pub async fn picture(&self, name: &str) {
        self.browser.screenshot(&self.house.pictures.join(format!("{name}.png"))).await;
    }

    /// Leaves pictures in light, in dark, and as on a phone.
    pub async fn pictures(&self, name: &str) {
        self.picture(&format!("{name}-light")).await;
        self.browser.set_dark_mode(true).await;
        self.picture(&format!("{name}-dark")).await;
        self.browser.use_phone().await;
        self.picture(&format!("{name}-phone-dark")).await;
        self.browser.set_dark_mode(false).await;
        self.picture(&format!("{name}-phone")).await;
        let overhang =
            self.browser.evaluate("document.documentElement.scrollWidth - window.innerWidth").await;
        assert!(
            overhang.as_i64().is_some_and(|points| points <= 0),
            "{name} is {overhang} too wide for a phone"
        );
        self.browser.use_desk().await;
    }
}

/// A person's program: the browser's session, and `Open WebUI`'s token as its page sends it.
pub struct Program {
    pub client: Client,
    pub token: String,
}

impl Program {
    /// Signs in and has `Open WebUI` sign in by the headers.
    pub async fn signed_in(house: &House, who: &str) -> Self {
        let client = house.stage.signed_in(who, &format!("{CHAT}/")).await;
        house.stage.entra.at_the_browser(None);
        let program = Self { client, token: String::new() };
        let answer = program.post("/api/v1/auths/signin", &json!({ "email": "", "password": "" })).await;
        assert_eq!(answer.status, 200, "{who}: {}", answer.body);
        let token = answer.json()["token"].as_str().expect("a token").to_owned();
        Self { token, ..program }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Vec::new()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, body.to_string().into_bytes()).await
    }

    async fn send(&self, method: Method, path: &str, body: Vec<u8>) -> Answer {
        let url = format!("{CHAT}{path}");
        let request = self.client.request(method, &url).kind(Kind::Fetch).from(&format!("{CHAT}/"));
        let request = request.header("content-type", "application/json").body(body);
        let request = match self.token.as_str() {
            "" => request,
            token => request.header("authorization", format!("Bearer {token}")),
        };
        request.send().await
    }

    /// Opens a model to everybody, as an administrator. With another name it is the same one with these settings.
    pub async fn open_model(&self, name: &str, meta: &Value) {
        let everybody = json!([{ "principal_type": "user", "principal_id": "*", "permission": "read" }]);
        let base = (name != MODEL).then_some(MODEL);
        let model = json!({ "id": name, "base_model_id": base, "name": name, "meta": meta, "params": {},
            "access_grants": everybody });
        let answer = self.post("/api/v1/models/create", &model).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Who `Open WebUI` says that this is.
    pub async fn who_am_i(&self) -> Value {
        let answer = self.get("/api/v1/auths/").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// The models that it offers.
    pub async fn list_models(&self) -> Vec<String> {
        let answer = self.get("/api/models").await.json();
        let models = answer["data"].as_array().expect("a list of models").clone();
        models.iter().map(|model| model["id"].as_str().unwrap_or_default().to_owned()).collect()
    }
}
