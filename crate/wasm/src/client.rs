//! `GodotyClient`: the account as TypeScript sees it.

use std::rc::Rc;

use godoty_core::auth::{Account, Supabase};
use godoty_core::device::Device;
use godoty_core::error::{Error, ErrorCode};
use godoty_core::http::BaseUrl;
use godoty_core::oauth::{Host, LIFETIME_MS, Offer, Way};
use godoty_core::secret::Secret;
use godoty_core::session::{Answer, Ask, Config, Input, Session, Start};
use js_sys::{Promise, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use crate::chat::Chats;
use crate::driver::{Driver, mismatch};
use crate::error::to_js;
use crate::host::CoreHost;
use crate::task::promise;
use crate::value::{Object, Value, kind};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r"
/** Where the backend is, and what this installation is. */
export interface ClientConfig {
  readonly supabaseUrl: string;
  /** The publishable key, or a legacy anon key. It is public. */
  readonly supabaseKey: string;
  readonly litellmUrl: string;
  /** A UUID that this installation made once. */
  readonly deviceId: string;
  readonly deviceName: string;
}

/** A way to get a session. */
export type WayId = 'github' | 'google' | 'emailCode' | 'password' | 'createAccount' | 'resetPassword';

/** How a browser gets back: to the URI handler, to a port of this machine, or by what the user pastes. */
export type WayBack = 'uriHandler' | 'loopback' | 'paste';

/** What this host can do. */
export interface HostAbilities {
  /** VS Code runs on the user's desktop, not in a browser. */
  readonly desktop: boolean;
  /** An address that leads to the URI handler can be made. */
  readonly uriHandler: boolean;
  /** A port that is opened here is one of the machine on which the user's browser runs. */
  readonly loopback: boolean;
}

/** A way, and how a browser gets back from it, best first; nothing where no browser is needed. */
export interface SignInWay {
  readonly way: WayId;
  readonly returns: readonly WayBack[];
}

/**
 * How to begin to sign in. `redirectTo` is where the browser comes back to, as `asExternalUri` or the port has it; the
 * core puts the flow's nonce into its query. Without it, an e-mail's link leads to the operator's site.
 */
export type SignInRequest =
  | {
      readonly way: 'github' | 'google';
      readonly redirectTo: string;
      /** Only this user may come back. */
      readonly userId?: string;
    }
  | {
      readonly way: 'emailCode';
      readonly email: string;
      readonly redirectTo?: string;
      /** Whether an account may be created; else an unknown address is an ACCOUNT_UNKNOWN. */
      readonly createUser?: boolean;
    }
  | { readonly way: 'password'; readonly email: string; readonly password: string }
  | { readonly way: 'createAccount'; readonly email: string; readonly password: string; readonly redirectTo?: string }
  | { readonly way: 'resetPassword'; readonly email: string; readonly redirectTo?: string };

/** What beginning led to. */
export type SignInStarted =
  | { readonly kind: 'signedIn'; readonly account: Account }
  | {
      readonly kind: 'pending';
      /** Names the flow. */
      readonly nonce: string;
      /** Where the browser is to go; absent when an e-mail is on its way. */
      readonly url?: string;
      /** After so many milliseconds the flow is over. */
      readonly lifetimeMs: number;
    };

/** A flow that led to a session. After 'resetPassword', call `setPassword`. */
export interface SignInDone {
  readonly way: WayId;
  readonly account: Account;
}
";

#[wasm_bindgen]
unsafe extern "C" {
    /// TypeScript's `ClientConfig`.
    #[wasm_bindgen(typescript_type = "ClientConfig")]
    pub type ClientConfig;
    /// TypeScript's `Account | undefined`.
    #[wasm_bindgen(typescript_type = "Account | undefined")]
    pub type MaybeAccount;
    /// TypeScript's `HostAbilities`.
    #[wasm_bindgen(typescript_type = "HostAbilities")]
    pub type HostAbilities;
    /// TypeScript's `SignInRequest`.
    #[wasm_bindgen(typescript_type = "SignInRequest")]
    pub type SignInRequest;
}

/// The signed-in account and what it can do. Every function throws a `GodotyError`.
#[wasm_bindgen]
pub struct GodotyClient {
    pub(crate) driver: Rc<Driver>,
    pub(crate) chats: Rc<Chats>,
}

#[wasm_bindgen]
impl GodotyClient {
    /// A client for this backend. It makes no call and reads nothing yet.
    ///
    /// # Errors
    /// `INVALID_CONFIGURATION`; `detail.reasons` names the fields.
    #[wasm_bindgen(constructor)]
    pub fn new(config: ClientConfig, host: CoreHost) -> Result<Self, JsValue> {
        let config = parse_config(&config.into()).map_err(|error| to_js(&error))?;
        let driver = Driver::new(Session::new(config), host);
        Ok(Self {
            chats: Chats::new(&driver),
            driver,
        })
    }

    /// Who is signed in, as far as memory knows; makes no call and reads nothing.
    #[must_use]
    pub fn account(&self) -> MaybeAccount {
        maybe(self.driver.account())
    }

    /// The id of the user with whose key chat goes on although nobody is signed in, because the server ended the session.
    #[wasm_bindgen(js_name = keyOf)]
    #[must_use]
    pub fn key_of(&self) -> Option<String> {
        self.driver.key_of()
    }

    /// Who is signed in, from the store. Makes no call to a server.
    ///
    /// # Errors
    /// `INTERNAL` alone: a store that fails or is damaged means "signed out", and an event says so.
    #[wasm_bindgen(unchecked_return_type = "Promise<Account | undefined>")]
    pub fn restore(&self) -> Promise {
        self.promise(Ask::Restore, None)
    }

    /// The ways to sign in that this host and the server have, best first. A server that can't be asked hides none.
    #[wasm_bindgen(js_name = signInWays, unchecked_return_type = "Promise<readonly SignInWay[]>")]
    pub fn sign_in_ways(&self, host: HostAbilities) -> Promise {
        let host: JsValue = host.into();
        let can = |name: &str| field(&host, name).is_truthy();
        let host = Host {
            desktop: can("desktop"),
            uri_handler: can("uriHandler"),
            loopback: can("loopback"),
        };
        self.promise(Ask::Ways(host), None)
    }

    /// Begins to sign in. What waits for a callback or a code is in the store, so that any window can end it; another one
    /// takes its place.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS`, `EMAIL_NOT_CONFIRMED`, `WEAK_PASSWORD`, `ACCOUNT_EXISTS`, `ACCOUNT_UNKNOWN`,
    /// `SIGNUP_DISABLED`, `VALIDATION_FAILED`, `RATE_LIMITED`, `NETWORK_ERROR`, …
    #[wasm_bindgen(js_name = startSignIn, unchecked_return_type = "Promise<SignInStarted>")]
    pub fn start_sign_in(&self, request: SignInRequest, signal: Option<AbortSignal>) -> Promise {
        let request: JsValue = request.into();
        let text = |name: &str| field(&request, name).as_string();
        let random = || self.driver.host().random_uuid();
        let start = Start {
            // An unknown way lacks a password, and is refused for that.
            way: text("way").and_then(|way| Way::parse(&way)).unwrap_or(Way::Password),
            email: text("email").unwrap_or_default(),
            password: Secret::new(text("password").unwrap_or_default()),
            redirect_to: text("redirectTo"),
            create_user: field(&request, "createUser").is_truthy(),
            user_id: text("userId").unwrap_or_default(),
            nonce: random(),
            // 366 random bits; RFC 7636 asks for 256.
            verifier: Secret::new(random() + &random() + &random()),
        };
        self.promise(Ask::Start(Box::new(start)), signal)
    }

    /// Waits until a flow has led to a session, in whichever window. Aborting ends the flow.
    ///
    /// # Errors
    /// `SIGN_IN_EXPIRED`, `CANCELLED` (also when another sign-in took its place), `ACCESS_DENIED`, `ACCOUNT_MISMATCH`, …
    #[wasm_bindgen(js_name = awaitSignIn, unchecked_return_type = "Promise<SignInDone>")]
    pub fn await_sign_in(&self, nonce: String, signal: Option<AbortSignal>) -> Promise {
        self.promise(Ask::Await { nonce }, signal)
    }

    /// Takes a callback that reached the URI handler or the port, as a whole address, whichever window began the flow.
    ///
    /// # Errors
    /// `CALLBACK_UNKNOWN`, `CALLBACK_USED`, `SIGN_IN_EXPIRED`, `ACCOUNT_MISMATCH`, `ACCESS_DENIED`, `CODE_REJECTED`, …;
    /// whoever is signed in stays so.
    #[wasm_bindgen(js_name = handleCallback, unchecked_return_type = "Promise<SignInDone>")]
    pub fn handle_callback(&self, address: String) -> Promise {
        let text = Secret::new(address);
        self.promise(Ask::Callback { text, pasted: false }, None)
    }

    /// Takes what the user typed or pasted: the code of an e-mail, the address the browser ended at, or the code in it.
    ///
    /// # Errors
    /// As `handleCallback`. What was mistyped can be typed again.
    #[wasm_bindgen(js_name = enterCode, unchecked_return_type = "Promise<SignInDone>")]
    pub fn enter_code(&self, text: String, signal: Option<AbortSignal>) -> Promise {
        let text = Secret::new(text);
        self.promise(Ask::Callback { text, pasted: true }, signal)
    }

    /// Gives who is signed in another password.
    ///
    /// # Errors
    /// `WEAK_PASSWORD` (the reason `same_password` says that it is the old one), `NOT_AUTHENTICATED`, …
    #[wasm_bindgen(js_name = setPassword, unchecked_return_type = "Promise<void>")]
    pub fn set_password(&self, password: String, signal: Option<AbortSignal>) -> Promise {
        let password = Secret::new(password);
        self.promise(Ask::SetPassword { password }, signal)
    }

    /// Signs out here: memory and store first, then the server.
    ///
    /// # Errors
    /// `STORE_FAILED` when the stored session could not be erased.
    #[wasm_bindgen(js_name = signOut, unchecked_return_type = "Promise<void>")]
    pub fn sign_out(&self) -> Promise {
        self.promise(Ask::SignOut, None)
    }

    /// The user's short-lived access token, renewed when it is about to end.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`, `SESSION_EXPIRED`, `NETWORK_ERROR`, …
    #[wasm_bindgen(js_name = accessToken, unchecked_return_type = "Promise<string>")]
    pub fn access_token(&self) -> Promise {
        match self.driver.access_token() {
            Some(token) => Promise::resolve(&token),
            None => self.promise(Ask::AccessToken, None),
        }
    }

    /// Whether the user is in this window: it renews the session ahead of time, others when they need it.
    #[wasm_bindgen(js_name = setFocused)]
    pub fn set_focused(&self, focused: bool) {
        self.driver.feed(Input::Focused(focused));
    }

    /// Another window may have changed the store.
    #[wasm_bindgen(js_name = storeChanged)]
    pub fn store_changed(&self) {
        self.driver.feed(Input::StoreChanged);
    }
}

impl GodotyClient {
    /// Asks the machine. One function for all asks: each async function that is exported costs a kilobyte, and would keep
    /// the client borrowed, so that it could not be freed meanwhile.
    fn promise(&self, ask: Ask, signal: Option<AbortSignal>) -> Promise {
        let driver = Rc::clone(&self.driver);
        let chats = Rc::clone(&self.chats);
        promise(async move {
            let aborted = signal.as_ref().is_some_and(AbortSignal::aborted);
            // Who does not even begin to wait ends the flow as well.
            if aborted && !matches!(ask, Ask::Await { .. }) {
                return Err(to_js(&ErrorCode::Cancelled.into()));
            }
            let answer = driver.ask_until(ask, signal.as_ref()).await;
            match answer.map_err(|error| to_js(&error))? {
                Answer::Account(account) => {
                    chats.usage.resume();
                    Ok(maybe(account).into())
                }
                Answer::SignedIn(account) => {
                    chats.usage.resume();
                    Ok(kind("signedIn").with("account", Object::from(&account)).into_js())
                }
                Answer::Completed(account, way) => {
                    chats.usage.resume();
                    let done = Object::new().with("way", way.as_str());
                    Ok(done.with("account", Object::from(&account)).into_js())
                }
                Answer::Pending { nonce, url } => Ok(kind("pending")
                    .with("nonce", nonce)
                    .with_some("url", url)
                    .with("lifetimeMs", LIFETIME_MS)
                    .into_js()),
                Answer::Ways(offers) => Ok(Value::from(offers.iter().map(offer).collect::<Vec<_>>()).into_js()),
                Answer::AccessToken(token) => Ok(JsValue::from_str(token.expose())),
                Answer::Done => Ok(JsValue::UNDEFINED),
                Answer::ModelAccess(_) | Answer::Json(_) => Err(to_js(&mismatch())),
            }
        })
    }
}

fn offer(offer: &Offer) -> Value {
    let returns: Vec<Value> = offer.returns.iter().map(|back| back.as_str().into()).collect();
    let object = Object::new().with("way", offer.way.as_str());
    object.with("returns", returns).into()
}

fn field(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

fn maybe(account: Option<Account>) -> MaybeAccount {
    account
        .map_or(JsValue::UNDEFINED, |account| Object::from(&account).into_js())
        .unchecked_into()
}

fn parse_config(config: &JsValue) -> Result<Config, Error> {
    let text = |name: &str| field(config, name).as_string().ok_or_else(|| unusable(name));
    let url = |name: &str| {
        BaseUrl::parse(&text(name)?).map_err(|mut error| {
            error.reasons.insert(0, name.to_owned());
            error
        })
    };
    let publishable_key = text("supabaseKey")?.trim_ascii().to_owned();
    if publishable_key.is_empty() || !publishable_key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(unusable("supabaseKey"));
    }
    Ok(Config {
        supabase: Supabase {
            base: url("supabaseUrl")?,
            publishable_key,
        },
        litellm: url("litellmUrl")?.without_v1(),
        device: Device {
            id: text("deviceId")?,
            name: text("deviceName")?,
        },
    })
}

fn unusable(name: &str) -> Error {
    let mut error = Error::new(ErrorCode::InvalidConfiguration);
    error.reasons.push(name.to_owned());
    error
}
