//! An auth server with rotation, as a model: what it answers, and what the rules of its contract allow.

use std::collections::BTreeMap;

use godoty_core::http::{Request, Response};
use godoty_core::oauth::challenge;
use godoty_core::secret::Secret;
use serde_json::{Value, json};

/// Within this time a used refresh token still answers, in milliseconds.
const REUSE_MS: u64 = 10_000;
/// How long the server keeps its side of a flow, in milliseconds.
const FLOW_MS: u64 = 300_000;
const USER: &str = "u1";
/// Where the models are.
pub(crate) const ENDPOINT: &str = "https://models.example.org";

/// A session at the server: the chain of its refresh tokens, of which the last one is good.
struct Family {
    used_at: Vec<u64>,
    token_ends: u64,
    ended: bool,
}

struct Code {
    challenge: String,
    made_at: u64,
    used: bool,
}

/// The model server. Its clock is the true one.
pub(crate) struct Server {
    /// How long an access token lives, in milliseconds.
    pub(crate) life: u64,
    pub(crate) down: bool,
    families: BTreeMap<String, Family>,
    codes: BTreeMap<String, Code>,
    /// Families that ended because a token was used that was neither the last one nor its parent.
    pub(crate) reuse_revocations: usize,
    /// Refreshes that got a new token.
    pub(crate) rotations: usize,
    /// Refreshes that were answered with a token that another request had made.
    pub(crate) repeats: usize,
    /// Refreshes that were refused.
    pub(crate) refusals: usize,
    /// Keys that devices got.
    keys: usize,
    /// Sessions that flows led to, by code.
    pub(crate) redeemed: BTreeMap<String, usize>,
}

impl Server {
    pub(crate) fn new(life: u64) -> Self {
        Self {
            life,
            down: false,
            families: BTreeMap::new(),
            codes: BTreeMap::new(),
            reuse_revocations: 0,
            rotations: 0,
            repeats: 0,
            refusals: 0,
            keys: 0,
            redeemed: BTreeMap::new(),
        }
    }

    /// Whether this session is over, as the server sees it.
    pub(crate) fn ended(&self, session_id: &str) -> bool {
        self.families.get(session_id).is_none_or(|family| family.ended)
    }

    /// How many sessions were ever begun.
    pub(crate) fn known(&self) -> usize {
        self.families.len()
    }

    /// The operator signs everybody out.
    pub(crate) fn end_all(&mut self) {
        for family in self.families.values_mut() {
            family.ended = true;
        }
    }

    /// The user consents at the provider; the browser comes back with the code.
    pub(crate) fn consent(&mut self, url: &str, now: u64) -> String {
        let challenge = parameter(url, "code_challenge");
        let code = format!("code-{}", self.codes.len());
        let entry = Code {
            challenge,
            made_at: now,
            used: false,
        };
        self.codes.insert(code.clone(), entry);
        code
    }

    pub(crate) fn answer(&mut self, request: &Request, now: u64) -> Response {
        if self.down {
            return Response::new(503, "upstream".into());
        }
        let body: Value = request
            .body()
            .and_then(|body| serde_json::from_str(body.expose()).ok())
            .unwrap_or(Value::Null);
        let url = request.url();
        if url.ends_with("grant_type=password") {
            self.begin(now)
        } else if url.ends_with("grant_type=refresh_token") {
            self.refresh(body["refresh_token"].as_str().unwrap_or_default(), now)
        } else if url.ends_with("grant_type=pkce") {
            let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
            self.redeem(&text("auth_code"), &Secret::new(text("code_verifier")), now)
        } else {
            self.with_token(request, now)
        }
    }

    fn begin(&mut self, now: u64) -> Response {
        let id = format!("s{}", self.families.len());
        let family = Family {
            used_at: vec![],
            token_ends: 0,
            ended: false,
        };
        self.families.insert(id.clone(), family);
        self.session(&id, now)
    }

    fn session(&mut self, id: &str, now: u64) -> Response {
        let family = self.families.get_mut(id).unwrap();
        family.token_ends = now + self.life;
        let number = family.used_at.len();
        let claims = format!(r#"{{"session_id":"{id}","n":{number},"until":{}}}"#, family.token_ends);
        let body = json!({
            "access_token": format!("e30.{}.s", base64url(claims.as_bytes())),
            "refresh_token": format!("{id}.{number}"),
            "token_type": "bearer",
            "expires_in": self.life / 1000,
            "user": { "id": USER, "email": "u1@example.org" },
        });
        Response::new(200, body.to_string())
    }

    fn refresh(&mut self, token: &str, now: u64) -> Response {
        let (id, number) = token.split_once('.').unwrap();
        let number: usize = number.parse().unwrap();
        let Some(family) = self.families.get_mut(id).filter(|family| !family.ended) else {
            self.refusals += 1;
            return refuse(400, "refresh_token_not_found");
        };
        let last = family.used_at.len();
        if number == last {
            family.used_at.push(now);
            self.rotations += 1;
            return self.session(id, now);
        }
        let parent = number + 1 == last;
        if parent || now - family.used_at[number] <= REUSE_MS {
            self.repeats += 1;
            return self.session(id, now);
        }
        family.ended = true;
        self.reuse_revocations += 1;
        self.refusals += 1;
        refuse(400, "refresh_token_already_used")
    }

    fn redeem(&mut self, code: &str, verifier: &Secret, now: u64) -> Response {
        let Some(entry) = self.codes.get_mut(code).filter(|entry| !entry.used) else {
            return refuse(404, "flow_state_not_found");
        };
        if now - entry.made_at > FLOW_MS {
            return refuse(400, "flow_state_expired");
        }
        if challenge(verifier) != entry.challenge {
            return refuse(400, "bad_code_verifier");
        }
        entry.used = true;
        *self.redeemed.entry(code.to_owned()).or_default() += 1;
        self.begin(now)
    }

    fn with_token(&mut self, request: &Request, now: u64) -> Response {
        let authorization = request.headers().find(|(name, _)| *name == "authorization");
        let Some(claims) = authorization.and_then(|(_, value)| claims_of(value.expose())) else {
            return refuse(401, "no_authorization");
        };
        let id = claims["session_id"].as_str().unwrap().to_owned();
        if request.url().contains("/logout") {
            if let Some(family) = self.families.get_mut(&id) {
                family.ended = true;
            }
            return Response::new(204, String::new());
        }
        if claims["until"].as_u64().unwrap() <= now {
            return refuse(401, "bad_jwt");
        }
        if request.url().ends_with("/user") && self.ended(&id) {
            return refuse(403, "session_not_found");
        }
        if request.url().ends_with("/vscode-config") {
            self.keys += 1;
            let key = format!("{}", self.keys);
            let access = json!({ "endpoint": ENDPOINT, "key": format!("sk-{key}"), "key_id": key });
            return Response::new(200, json!({ "model_access": access }).to_string());
        }
        Response::new(200, "{}".into())
    }
}

fn refuse(status: u16, code: &str) -> Response {
    Response::new(status, format!(r#"{{"code":"{code}","message":"m"}}"#))
}

/// The claims of an access token: among them `until`, when it ends by the true clock.
pub(crate) fn claims_of(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&unbase64url(payload)).ok()
}

/// A parameter of a URL whose values are plain.
pub(crate) fn parameter(url: &str, name: &str) -> String {
    let (_, query) = url.split_once('?').unwrap_or_default();
    let found = query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_default().to_owned()
}

/// The number of a refresh token in its family, and the family.
pub(crate) fn refresh_token_of(request: &Request) -> Option<String> {
    if !request.url().ends_with("grant_type=refresh_token") {
        return None;
    }
    let body: Value = serde_json::from_str(request.body()?.expose()).ok()?;
    Some(body["refresh_token"].as_str()?.to_owned())
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn base64url(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..=group.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

fn unbase64url(text: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter).unwrap();
        bits = bits << 6 | u32::try_from(value).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 255) as u8);
        }
    }
    bytes
}
