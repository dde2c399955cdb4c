//! `GodotyClient`: the account as TypeScript sees it.

use std::rc::Rc;

use godoty_core::auth::{Account, Supabase};
use godoty_core::device::Device;
use godoty_core::error::{Error, ErrorCode};
use godoty_core::http::BaseUrl;
use godoty_core::secret::Secret;
use godoty_core::session::{Answer, Ask, Config, Input, Session};
use js_sys::Reflect;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use crate::cancel::OnAbort;
use crate::chat::Chats;
use crate::driver::{Driver, mismatch};
use crate::error::{plain, to_js};
use crate::host::CoreHost;

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
    /// TypeScript's `Account`.
    #[wasm_bindgen(typescript_type = "Account")]
    pub type JsAccount;
    /// TypeScript's `SignUpResult`.
    #[wasm_bindgen(typescript_type = "SignUpResult")]
    pub type SignUpResult;
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
enum WireSignUp {
    SignedIn { account: Account },
    ConfirmEmail,
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
    pub async fn restore(&self) -> Result<MaybeAccount, JsValue> {
        match self.driver.ask(Ask::Restore).await.map_err(|error| to_js(&error))? {
            Answer::Account(account) => {
                self.chats.usage.resume();
                Ok(maybe(account))
            }
            _ => Err(to_js(&mismatch())),
        }
    }

    /// Creates an account.
    ///
    /// # Errors
    /// `WEAK_PASSWORD`, `ACCOUNT_EXISTS`, `SIGNUP_DISABLED`, `VALIDATION_FAILED`, `RATE_LIMITED`, `NETWORK_ERROR`, …
    #[wasm_bindgen(js_name = signUp)]
    pub async fn sign_up(
        &self,
        email: String,
        password: String,
        signal: Option<AbortSignal>,
    ) -> Result<SignUpResult, JsValue> {
        let result = match self
            .cancellable(
                Ask::SignUp {
                    email,
                    password: Secret::new(password),
                },
                signal,
            )
            .await?
        {
            Answer::SignedIn(account) => {
                self.chats.usage.resume();
                WireSignUp::SignedIn { account }
            }
            Answer::ConfirmEmail => WireSignUp::ConfirmEmail,
            _ => return Err(to_js(&mismatch())),
        };
        Ok(plain(&result).unchecked_into())
    }

    /// Signs in with e-mail and password.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS`, `EMAIL_NOT_CONFIRMED`, `VALIDATION_FAILED`, `RATE_LIMITED`, `NETWORK_ERROR`, …
    #[wasm_bindgen(js_name = signIn)]
    pub async fn sign_in(
        &self,
        email: String,
        password: String,
        signal: Option<AbortSignal>,
    ) -> Result<JsAccount, JsValue> {
        match self
            .cancellable(
                Ask::SignIn {
                    email,
                    password: Secret::new(password),
                },
                signal,
            )
            .await?
        {
            Answer::SignedIn(account) => {
                self.chats.usage.resume();
                Ok(plain(&account).unchecked_into())
            }
            _ => Err(to_js(&mismatch())),
        }
    }

    /// Signs out here: memory and store first, then the server.
    ///
    /// # Errors
    /// `STORE_FAILED` when the stored session could not be erased.
    #[wasm_bindgen(js_name = signOut)]
    pub async fn sign_out(&self) -> Result<(), JsValue> {
        self.driver.ask(Ask::SignOut).await.map_err(|error| to_js(&error))?;
        Ok(())
    }

    /// The user's short-lived access token, renewed when it is about to end.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`, `SESSION_EXPIRED`, `NETWORK_ERROR`, …
    #[wasm_bindgen(js_name = accessToken)]
    pub async fn access_token(&self) -> Result<String, JsValue> {
        match self.driver.ask(Ask::AccessToken).await.map_err(|error| to_js(&error))? {
            Answer::AccessToken(token) => Ok(token.expose().to_owned()),
            _ => Err(to_js(&mismatch())),
        }
    }

    /// Another window may have changed the store.
    #[wasm_bindgen(js_name = storeChanged)]
    pub fn store_changed(&self) {
        self.driver.feed(Input::StoreChanged);
    }
}

impl GodotyClient {
    async fn cancellable(&self, ask: Ask, signal: Option<AbortSignal>) -> Result<Answer, JsValue> {
        if signal.as_ref().is_some_and(AbortSignal::aborted) {
            return Err(to_js(&ErrorCode::Cancelled.into()));
        }
        let (request, answer) = self.driver.begin(ask);
        let driver = Rc::clone(&self.driver);
        let listening = OnAbort::listen(signal.as_ref(), move || driver.feed(Input::Cancel(request)));
        let answer = answer.await;
        drop(listening);
        answer.map_err(|error| to_js(&error))
    }
}

fn maybe(account: Option<Account>) -> MaybeAccount {
    account
        .map_or(JsValue::UNDEFINED, |account| plain(&account))
        .unchecked_into()
}

fn parse_config(config: &JsValue) -> Result<Config, Error> {
    let text = |name: &str| {
        let value = Reflect::get(config, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED);
        value.as_string().ok_or_else(|| unusable(name))
    };
    let url = |name: &str| BaseUrl::parse(&text(name)?).map_err(|_| unusable(name));
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
