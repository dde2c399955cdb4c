//! `GodotyClient`: the account as TypeScript sees it.

use std::rc::Rc;

use godoty_core::auth::{Account, Supabase};
use godoty_core::device::Device;
use godoty_core::error::{Error, ErrorCode};
use godoty_core::http::BaseUrl;
use godoty_core::secret::Secret;
use godoty_core::session::{Answer, Ask, Config, Input, Session};
use js_sys::{Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use web_sys::AbortSignal;

use crate::cancel::OnAbort;
use crate::chat::Chats;
use crate::driver::{Driver, mismatch};
use crate::error::to_js;
use crate::host::CoreHost;
use crate::value::{Object, kind};

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

/** What signing up led to. */
export type SignUpResult =
  | { readonly kind: 'signedIn'; readonly account: Account }
  | { readonly kind: 'confirmEmail' };
";

#[wasm_bindgen]
unsafe extern "C" {
    /// TypeScript's `ClientConfig`.
    #[wasm_bindgen(typescript_type = "ClientConfig")]
    pub type ClientConfig;
    /// TypeScript's `Account | undefined`.
    #[wasm_bindgen(typescript_type = "Account | undefined")]
    pub type MaybeAccount;
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

    /// Who is signed in, from the store. Makes no call to a server.
    ///
    /// # Errors
    /// `INTERNAL` alone: a store that fails or is damaged means "signed out", and an event says so.
    #[wasm_bindgen(unchecked_return_type = "Promise<Account | undefined>")]
    pub fn restore(&self) -> Promise {
        self.promise(Ask::Restore, None)
    }

    /// Creates an account.
    ///
    /// # Errors
    /// `WEAK_PASSWORD`, `ACCOUNT_EXISTS`, `SIGNUP_DISABLED`, `VALIDATION_FAILED`, `RATE_LIMITED`, `NETWORK_ERROR`, …
    #[wasm_bindgen(js_name = signUp, unchecked_return_type = "Promise<SignUpResult>")]
    pub fn sign_up(&self, email: String, password: String, signal: Option<AbortSignal>) -> Promise {
        let password = Secret::new(password);
        self.promise(Ask::SignUp { email, password }, signal)
    }

    /// Signs in with e-mail and password.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS`, `EMAIL_NOT_CONFIRMED`, `VALIDATION_FAILED`, `RATE_LIMITED`, `NETWORK_ERROR`, …
    #[wasm_bindgen(js_name = signIn, unchecked_return_type = "Promise<Account>")]
    pub fn sign_in(&self, email: String, password: String, signal: Option<AbortSignal>) -> Promise {
        let password = Secret::new(password);
        self.promise(Ask::SignIn { email, password }, signal)
    }

    /// Sends the confirmation e-mail of a sign-up once more. It does not tell whether there was one to send.
    ///
    /// # Errors
    /// `VALIDATION_FAILED`, `RATE_LIMITED`, `NETWORK_ERROR`, …
    #[wasm_bindgen(js_name = resendConfirmation, unchecked_return_type = "Promise<unknown>")]
    pub fn resend_confirmation(&self, email: String, signal: Option<AbortSignal>) -> Promise {
        self.promise(Ask::ResendConfirmation { email }, signal)
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
        self.promise(Ask::AccessToken, None)
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
        future_to_promise(async move {
            if signal.as_ref().is_some_and(AbortSignal::aborted) {
                return Err(to_js(&ErrorCode::Cancelled.into()));
            }
            let wrapped = matches!(ask, Ask::SignUp { .. });
            let (request, answer) = driver.begin(ask);
            let listening = OnAbort::listen(signal.as_ref(), move || driver.feed(Input::Cancel(request)));
            let answer = answer.await;
            drop(listening);
            match answer.map_err(|error| to_js(&error))? {
                Answer::Account(account) => {
                    chats.usage.resume();
                    Ok(maybe(account).into())
                }
                Answer::SignedIn(account) => {
                    chats.usage.resume();
                    let account = Object::from(&account);
                    Ok(if wrapped {
                        kind("signedIn").with("account", account).into_js()
                    } else {
                        account.into_js()
                    })
                }
                Answer::ConfirmEmail => Ok(kind("confirmEmail").into_js()),
                Answer::AccessToken(token) => Ok(JsValue::from_str(token.expose())),
                Answer::Done => Ok(JsValue::UNDEFINED),
                Answer::ModelAccess(_) | Answer::Json(_) => Err(to_js(&mismatch())),
            }
        })
    }
}

fn maybe(account: Option<Account>) -> MaybeAccount {
    account
        .map_or(JsValue::UNDEFINED, |account| Object::from(&account).into_js())
        .unchecked_into()
}

fn parse_config(config: &JsValue) -> Result<Config, Error> {
    let text = |name: &str| {
        let value = Reflect::get(config, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED);
        value.as_string().ok_or_else(|| unusable(name))
    };
    let url = |name: &str| {
        BaseUrl::parse(&text(name)?).map_err(|mut error| {
            error.reasons.insert(0, name.to_owned());
            error
        })
    };
    let publishable_key = text("supabaseKey")?.trim().to_owned();
    if publishable_key.is_empty() || !publishable_key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(unusable("supabaseKey"));
    }
    Ok(Config {
        supabase: Supabase {
            base: url("supabaseUrl")?,
            publishable_key,
        },
        litellm: url("litellmUrl")?,
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
