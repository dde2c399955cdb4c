//! The ways to sign in, as one table.

use alloc::vec::Vec;

use crate::auth::Settings;

/// A way to get a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// GitHub, in a browser.
    Github,
    /// Google, in a browser.
    Google,
    /// An e-mail with a link and a code.
    EmailCode,
    /// E-mail and password.
    Password,
    /// A new account with e-mail and password.
    CreateAccount,
    /// An e-mail with a link and a code, and then another password.
    ResetPassword,
}

impl Way {
    /// Every way, in the order of a desktop.
    pub const ALL: [Self; 6] = [
        Self::Github,
        Self::Google,
        Self::EmailCode,
        Self::Password,
        Self::CreateAccount,
        Self::ResetPassword,
    ];

    /// The spelling in TypeScript and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Google => "google",
            Self::EmailCode => "emailCode",
            Self::Password => "password",
            Self::CreateAccount => "createAccount",
            Self::ResetPassword => "resetPassword",
        }
    }

    /// The way of this spelling.
    #[must_use]
    pub fn parse(spelling: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == spelling)
    }

    /// Whether it happens at a provider, in a browser.
    #[must_use]
    pub const fn in_browser(self) -> bool {
        matches!(self, Self::Github | Self::Google)
    }

    /// Whether it has an e-mail sent, whose code may be typed.
    #[must_use]
    pub const fn by_mail(self) -> bool {
        matches!(self, Self::EmailCode | Self::CreateAccount | Self::ResetPassword)
    }
}

/// How a browser gets back to this client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// Through VS Code's URI handler.
    UriHandler,
    /// To a port of this machine that listens for one request.
    Loopback,
    /// The user brings the address or the code.
    Paste,
}

impl Return {
    /// The spelling in TypeScript.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UriHandler => "uriHandler",
            Self::Loopback => "loopback",
            Self::Paste => "paste",
        }
    }
}

/// What the host can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    /// VS Code runs on the user's desktop, not in a browser.
    pub desktop: bool,
    /// An address that leads to the URI handler can be made.
    pub uri_handler: bool,
    /// A port that is opened here is one of the machine on which the user's browser runs.
    pub loopback: bool,
}

/// A way, and how a browser gets back from it: best first; none where no browser is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The way.
    pub way: Way,
    /// How a browser gets back.
    pub returns: Vec<Return>,
}

/// The ways for this host and server, best first: on a desktop those with a callback; in a browser, where callbacks may
/// fail, those that need none. Unknown settings hide nothing.
#[must_use]
pub fn ways(host: Host, settings: Option<&Settings>) -> Vec<Offer> {
    let [github, google, email_code, password, create, reset] = Way::ALL;
    let ways = if host.desktop {
        Way::ALL
    } else {
        [email_code, password, github, google, create, reset]
    };
    ways.into_iter()
        .filter(|way| settings.is_none_or(|settings| settings.ways.contains(way)))
        .map(|way| Offer {
            way,
            returns: returns(way, host),
        })
        .collect()
}

fn returns(way: Way, host: Host) -> Vec<Return> {
    // A link in an e-mail may be opened much later, and anywhere: no port waits for it.
    let loopback = host.loopback && way.in_browser();
    [
        (host.uri_handler, Return::UriHandler),
        (loopback, Return::Loopback),
        (true, Return::Paste),
    ]
    .into_iter()
    .filter(|(can, _)| *can && way != Way::Password)
    .map(|(_, back)| back)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESKTOP: Host = Host {
        desktop: true,
        uri_handler: true,
        loopback: true,
    };
    const WEB: Host = Host {
        desktop: false,
        uri_handler: true,
        loopback: false,
    };

    fn names(offers: &[Offer]) -> Vec<&'static str> {
        offers.iter().map(|offer| offer.way.as_str()).collect()
    }

    #[test]
    fn a_desktop_offers_the_providers_first_and_a_browser_what_needs_no_callback() {
        assert_eq!(
            names(&ways(DESKTOP, None)),
            [
                "github",
                "google",
                "emailCode",
                "password",
                "createAccount",
                "resetPassword"
            ]
        );
        assert_eq!(
            names(&ways(WEB, None)),
            [
                "emailCode",
                "password",
                "github",
                "google",
                "createAccount",
                "resetPassword"
            ]
        );
    }

    #[test]
    fn a_browser_gets_back_by_the_uri_handler_then_by_a_port_then_by_hand() {
        use Return::{Loopback, Paste, UriHandler};
        let back = |host, way| {
            let offers = ways(host, None);
            offers.into_iter().find(|offer| offer.way == way).unwrap().returns
        };
        assert_eq!(back(DESKTOP, Way::Github), [UriHandler, Loopback, Paste]);
        assert_eq!(back(DESKTOP, Way::EmailCode), [UriHandler, Paste]);
        assert_eq!(back(DESKTOP, Way::Password), []);
        assert_eq!(back(WEB, Way::Google), [UriHandler, Paste]);
        let remote = Host {
            desktop: true,
            uri_handler: false,
            loopback: false,
        };
        assert_eq!(back(remote, Way::Google), [Paste]);
    }

    #[test]
    fn what_the_operator_switched_off_is_not_offered() {
        let on = |ways: &[Way]| Settings { ways: ways.to_vec() };
        let some = on(&[Way::ResetPassword, Way::Github, Way::EmailCode]);
        assert_eq!(
            names(&ways(DESKTOP, Some(&some))),
            ["github", "emailCode", "resetPassword"]
        );
        assert_eq!(names(&ways(WEB, Some(&some))), ["emailCode", "github", "resetPassword"]);
        assert_eq!(ways(WEB, Some(&on(&[]))), []);
    }

    #[test]
    fn every_spelling_reads_back() {
        for way in Way::ALL {
            assert_eq!(Way::parse(way.as_str()), Some(way));
        }
        assert_eq!(Way::parse("Github"), None);
    }
}
