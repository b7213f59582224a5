//! How often somebody may be wrong about the token.
//!
//! Who has been wrong too often is not listened to for a while, right or wrong: else the answer would tell. All of them
//! together are bounded too, since who has many addresses could begin anew with each.

use std::net::IpAddr;

/// From one address: so many at once ...
const EACH_BURST: u64 = 5;
/// ... and one more after this time.
const EACH_EVERY_US: u64 = 12_000_000;
/// From all addresses.
const ALL_BURST: u64 = 30;
const ALL_EVERY_US: u64 = 2_000_000;
/// Addresses that are remembered one by one; further ones count for all alone.
const ADDRESSES_MAX: usize = 64;

/// What was tried so far.
#[derive(Debug, Default)]
pub(super) struct Guard {
    each: Vec<(IpAddr, Debt)>,
    all: Debt,
}

/// When all that was wrong is forgiven.
#[derive(Debug, Clone, Copy, Default)]
struct Debt {
    until_us: u64,
}

impl Debt {
    /// How long to wait before the next try, if at all.
    fn wait_us(self, burst: u64, every_us: u64, now_us: u64) -> u64 {
        let allowed = (burst - 1) * every_us;
        self.until_us.saturating_sub(now_us).saturating_sub(allowed)
    }

    fn add(&mut self, every_us: u64, now_us: u64) {
        self.until_us = self.until_us.max(now_us).saturating_add(every_us);
    }
}

impl Guard {
    /// Whether somebody at this address may try now, or after how many seconds.
    pub(super) fn may_try(&self, address: IpAddr, now_us: u64) -> Result<(), u64> {
        let address = network(address);
        let own = self.each.iter().find(|(known, _)| *known == address);
        let own_us = own.map_or(0, |(_, debt)| {
            debt.wait_us(EACH_BURST, EACH_EVERY_US, now_us)
        });
        let wait_us = own_us.max(self.all.wait_us(ALL_BURST, ALL_EVERY_US, now_us));
        match wait_us {
            0 => Ok(()),
            wait_us => Err(wait_us.div_ceil(1_000_000)),
        }
    }

    /// Somebody at this address was wrong.
    pub(super) fn wrong(&mut self, address: IpAddr, now_us: u64) {
        self.all.add(ALL_EVERY_US, now_us);
        let address = network(address);
        let known = self.each.iter_mut().find(|(known, _)| *known == address);
        if let Some((_, debt)) = known {
            return debt.add(EACH_EVERY_US, now_us);
        }
        self.each.retain(|(_, debt)| debt.until_us > now_us);
        if self.each.len() < ADDRESSES_MAX {
            let mut debt = Debt::default();
            debt.add(EACH_EVERY_US, now_us);
            self.each.push((address, debt));
        }
    }
}

/// An address as far as its owner can't choose it: of IPv6 the first half.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn five_wrong_ones_and_then_one_every_twelve_seconds() {
        let mut guard = Guard::default();
        let here = address("10.0.0.7");
        for _ in 0..EACH_BURST {
            assert_eq!(guard.may_try(here, 100 * S), Ok(()));
            guard.wrong(here, 100 * S);
        }
        assert_eq!(guard.may_try(here, 100 * S), Err(12));
        assert_eq!(guard.may_try(here, 111 * S), Err(1));
        assert_eq!(guard.may_try(here, 112 * S), Ok(()));
        guard.wrong(here, 112 * S);
        assert_eq!(guard.may_try(here, 112 * S), Err(12));
        // Somebody else is not meant, the same by another name is.
        assert_eq!(guard.may_try(address("10.0.0.8"), 112 * S), Ok(()));
        assert_eq!(guard.may_try(address("::ffff:10.0.0.7"), 112 * S), Err(12));
        assert_eq!(guard.may_try(here, 1_000 * S), Ok(()));
    }

    #[test]
    fn many_addresses_do_not_help_and_take_no_more_memory() {
        let mut guard = Guard::default();
        for last in 0..ALL_BURST {
            let one = address(&format!("fd00:0:0:{last:x}::1"));
            assert_eq!(guard.may_try(one, 0), Ok(()));
            guard.wrong(one, 0);
        }
        assert_eq!(guard.may_try(address("10.0.0.9"), 0), Err(2));
        for last in 0..10_000_u32 {
            guard.wrong(address(&format!("fd00::{last:x}:0:0:0:1")), 0);
        }
        assert_eq!(guard.each.len(), ADDRESSES_MAX);
        // All of that is forgiven one day.
        let later = 100_000 * S;
        guard.wrong(address("10.0.0.9"), later);
        assert_eq!(guard.each.len(), 1);
        assert_eq!(guard.may_try(address("10.0.0.9"), later), Ok(()));
    }

    #[test]
    fn who_owns_a_network_is_one() {
        let mut guard = Guard::default();
        for last in 0..EACH_BURST {
            guard.wrong(address(&format!("fd00::{last:x}")), 0);
        }
        assert_eq!(guard.may_try(address("fd00::ffff:1"), 0), Err(12));
        assert_eq!(guard.may_try(address("fd00:0:0:1::1"), 0), Ok(()));
    }
}
