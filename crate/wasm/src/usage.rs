//! The ledgers of a client, one per user, the records on their way to the account, and what the account says of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use godoty_core::auth::Account;
use godoty_core::catalog::Model;
use godoty_core::chat::{ChatRequest, ChatResult, Outcome};
use godoty_core::error::{Error, ErrorCode};
use godoty_core::session::{Answer, Ask};
use godoty_core::usage::{Call, Ledger, Periods, Quota, RESEND_AFTER_MS, Reading, Trouble, UnixMillis};
use wasm_bindgen_futures::JsFuture;

use crate::driver::{Driver, mismatch};
use crate::error::detail;
use crate::oneshot::{self, Sender};
use crate::overview;
use crate::task::spawn;
use crate::timer::Timer;
use crate::value::{Object, kind};

/// What this window knows of one user.
#[derive(Default)]
struct Book {
    ledger: Ledger,
    quota: Option<Quota>,
    /// What the last request, or the last question to the account, ran into.
    trouble: Option<Trouble>,
}

/// One book per user of this window.
pub(crate) struct Ledgers {
    driver: Rc<Driver>,
    by_user: RefCell<Vec<(String, Rc<RefCell<Book>>)>>,
    /// Whether somebody talks with the account about usage: one at a time, so that what is queued is not on its way.
    talking: Cell<bool>,
    waiting: RefCell<Vec<Sender<()>>>,
    resend: RefCell<Option<Timer>>,
}

impl Ledgers {
    pub(crate) fn new(driver: &Rc<Driver>) -> Rc<Self> {
        Rc::new(Self {
            driver: Rc::clone(driver),
            by_user: RefCell::default(),
            talking: Cell::new(false),
            waiting: RefCell::default(),
            resend: RefCell::default(),
        })
    }

    /// Takes up what earlier windows of the user who is signed in could not send, and sends it.
    pub(crate) fn resume(self: &Rc<Self>) {
        let Some(account) = self.driver.account() else { return };
        let this = Rc::clone(self);
        spawn(async move {
            let host = this.driver.host();
            let loaded = match host.load_usage_queues(&account.user_id) {
                Ok(promise) => JsFuture::from(promise).await,
                Err(error) => Err(error),
            };
            let Ok(texts) = loaded else { return };
            let book = this.of(&account.user_id);
            for text in js_sys::Array::from(&texts).iter().filter_map(|text| text.as_string()) {
                // A damaged queue can't be read by anybody: it is given up.
                let _ = book.borrow_mut().ledger.restore_queue(&text);
            }
            this.save(&account.user_id, &book);
            this.send();
        });
    }

    /// Books a call that has ended, tells the host, keeps it where a crash does not reach it, and sends it.
    pub(crate) fn book(self: &Rc<Self>, user_id: &str, call: &Call, result: &ChatResult) {
        let book = self.of(user_id);
        {
            let Book { ledger, trouble, .. } = &mut *book.borrow_mut();
            *trouble = match &result.outcome {
                Outcome::Error { error } => Trouble::of(error),
                // A stop before the first word tells nothing of the servers.
                Outcome::Cancelled if !result.has_output() => *trouble,
                _ => None,
            };
            // `run` refuses a call without a UUID before it is sent, so the ledger takes this one.
            let _ = ledger.book(call);
        }
        self.save(user_id, &book);
        self.changed();
        self.send();
    }

    /// Keeps a request within what is known of the user's plan and of the model.
    pub(crate) fn keep_within_plan(&self, user_id: &str, request: &mut ChatRequest, model: Option<&Model>) {
        if let Some(quota) = &self.of(user_id).borrow().quota {
            request.keep_within(quota, model);
        }
    }

    /// A call was not sent: remembers why, as far as it outlasts the call.
    pub(crate) fn not_sent(&self, error: &Error) {
        if let (Some(account), Some(trouble)) = (self.driver.account(), Trouble::of(error)) {
            self.of(&account.user_id).borrow_mut().trouble = Some(trouble);
            self.changed();
        }
    }

    fn changed(&self) {
        self.driver.emit(&kind("usageChanged").into_js());
    }

    /// Sends the queue of the user who is signed in, unless somebody talks with the account already.
    fn send(self: &Rc<Self>) {
        let talk = Rc::clone(self).talk(false);
        spawn(async move {
            // A failure leaves the rest queued, and a timer that tries again.
            let _ = talk.await;
        });
    }

    /// Tells the account what is queued, and asks it what was used, if that is wanted.
    async fn talk(self: Rc<Self>, read: bool) -> Result<(), Error> {
        while self.talking.replace(true) {
            if !read {
                return Ok(());
            }
            let (sender, ended) = oneshot::channel();
            self.waiting.borrow_mut().push(sender);
            ended.await;
        }
        let talked = self.talk_alone(read).await;
        self.talking.set(false);
        for sender in self.waiting.take() {
            sender.send(());
        }
        self.resend.replace(None);
        if talked.is_err() {
            let weak = Rc::downgrade(&self);
            let timer = Timer::start(self.driver.host(), f64::from(RESEND_AFTER_MS), move || {
                if let Some(this) = weak.upgrade() {
                    // The timer that runs right now must not be dropped by its own callback.
                    this.send();
                }
            });
            self.resend.replace(Some(timer));
        } else if read {
            // What was booked meanwhile has waited.
            self.send();
        }
        talked
    }

    async fn talk_alone(&self, read: bool) -> Result<(), Error> {
        let Some(Account { user_id, .. }) = self.driver.account() else {
            return Err(ErrorCode::NotAuthenticated.into());
        };
        let book = self.of(&user_id);
        let mut reading = read.then(|| Reading::new(self.periods(self.now())));
        loop {
            let batch = match &reading {
                Some(reading) if reading.has_begun() => None,
                _ => book.borrow().ledger.next_batch(),
            };
            let question = match &batch {
                Some(batch) => Some(("record_usage", batch.body())),
                None => reading.as_mut().and_then(Reading::ask),
            };
            let Some((function, body)) = question else { break };
            let answer = self.driver.ask(Ask::Rpc { function, body }).await;
            if self.driver.account().is_none_or(|account| account.user_id != user_id) {
                return Err(ErrorCode::NotAuthenticated.into());
            }
            let answer = answer.and_then(|answer| match answer {
                Answer::Json(body) => Ok(body),
                _ => Err(mismatch()),
            });
            let taken = match (&batch, &mut reading) {
                (None, Some(reading)) => reading.answer(answer),
                (None, None) => Ok(()),
                (Some(batch), _) => book.borrow_mut().ledger.answered(batch, answer.map(|_| ())),
            };
            if let Err(error) = taken {
                if read {
                    book.borrow_mut().trouble = Trouble::of(&error);
                }
                return Err(error);
            }
            if batch.is_some() {
                self.save(&user_id, &book);
            }
        }
        if let Some(mut reading) = reading {
            let mut book = book.borrow_mut();
            book.quota = reading.quota.take();
            let blocked = book.quota.as_ref().is_some_and(|quota| quota.blocked);
            book.trouble = blocked.then_some(Trouble::Quota);
            book.ledger.take(reading);
        }
        Ok(())
    }

    /// Keeps the queue where a crash does not reach it. The host does so in the order of the calls, and reports a disk
    /// that does not take it; the queue in memory goes on.
    fn save(&self, user_id: &str, book: &RefCell<Book>) {
        let text = book.borrow().ledger.save_queue();
        if let Ok(promise) = self.driver.host().save_usage_queue(user_id, &text) {
            spawn(async move {
                let _ = JsFuture::from(promise).await;
            });
        }
    }

    fn of(&self, user_id: &str) -> Rc<RefCell<Book>> {
        let mut books = self.by_user.borrow_mut();
        if let Some((_, book)) = books.iter().find(|(user, _)| user == user_id) {
            return Rc::clone(book);
        }
        let book = Rc::<RefCell<Book>>::default();
        books.push((user_id.to_owned(), Rc::clone(&book)));
        book
    }

    fn now(&self) -> UnixMillis {
        UnixMillis(i64::try_from(self.driver.now().0).unwrap_or(i64::MAX))
    }

    fn periods(&self, now: UnixMillis) -> Periods {
        let host = self.driver.host();
        #[expect(
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "moments are below 2⁵³"
        )]
        Periods::at(now, &|moment| host.utc_offset_minutes(moment.0 as f64))
    }

    /// TypeScript's `UsageSnapshot` of the user who is signed in.
    pub(crate) fn snapshot(&self, show_estimates: bool) -> Object {
        let account = self.driver.account();
        let book = account.map(|account| self.of(&account.user_id)).unwrap_or_default();
        let book = book.borrow();
        let now = self.now();
        overview::snapshot(&book.ledger, now, &self.periods(now), show_estimates)
            .with_some("quota", book.quota.as_ref().map(overview::quota))
            .with_some("trouble", book.trouble.map(Trouble::as_str))
    }

    /// TypeScript's `UsageOverview`, with the account asked first if that is wanted.
    pub(crate) async fn overview(self: Rc<Self>, show_estimates: bool, ask: bool) -> Object {
        let mut unread = None;
        if ask {
            unread = Rc::clone(&self).talk(true).await.err();
            self.changed();
        }
        let account = self.driver.account();
        let book = account.map(|account| self.of(&account.user_id)).unwrap_or_default();
        self.snapshot(show_estimates)
            .with("requests", overview::requests(&book.borrow().ledger, show_estimates))
            .with("older", book.borrow().ledger.has_older())
            .with_some("unread", unread.as_ref().map(detail))
    }
}
