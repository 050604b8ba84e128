//! Which addresses may be called.

use ipnet::IpNet;
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// A network, `10.1.0.0/16` or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net(IpNet);

impl FromStr for Net {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let single = || text.parse::<IpAddr>().map(IpNet::from).ok();
        let net = text.parse::<IpNet>().ok().or_else(single);
        net.map(Net).ok_or_else(|| format!("`{text}` is no network; write it as 10.1.0.0/16 or fd00::/8"))
    }
}

impl Net {
    /// Whether the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an address is for (RFC 6890 and the registries of special-purpose addresses).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Public,
    /// This machine: 127.0.0.0/8, ::1.
    Loopback,
    /// 10/8, 172.16/12, 192.168/16, 100.64/10, fc00::/7, fec0::/10.
    Private,
    /// 169.254/16, fe80::/10: the same cable, and the places where clouds hand out credentials.
    LinkLocal,
    /// Where a cloud tells a machine about itself though the address is not link-local.
    Metadata,
    /// No address of a host: unspecified, multicast, broadcast, documentation, reserved.
    Unusable,
}

/// What the address is for. An IPv4 address inside an IPv6 one (mapped, compatible, 6to4, NAT64) is judged as itself.
pub fn sort(address: IpAddr) -> Sort {
    match address {
        IpAddr::V4(address) => four(address),
        IpAddr::V6(address) => embedded(address).map_or_else(|| six(address), four),
    }
}

fn four(address: Ipv4Addr) -> Sort {
    match address.octets() {
        [100, 100, 100, 200] | [168, 63, 129, 16] | [192, 0, 0, 192] => Sort::Metadata,
        [169, 254, ..] => Sort::LinkLocal,
        [127, ..] => Sort::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Sort::Private,
        [0, ..] | [192, 0, 0, _] | [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Sort::Unusable,
        [198, 18..=19, ..] | [224..=255, ..] => Sort::Unusable,
        _ => Sort::Public,
    }
}

fn six(address: Ipv6Addr) -> Sort {
    const METADATA: [Ipv6Addr; 2] =
        [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];
    let first = address.segments()[0];
    match address {
        _ if METADATA.contains(&address) => Sort::Metadata,
        Ipv6Addr::LOCALHOST => Sort::Loopback,
        Ipv6Addr::UNSPECIFIED => Sort::Unusable,
        _ if first & 0xffc0 == 0xfe80 => Sort::LinkLocal,
        _ if first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfec0 => Sort::Private,
        _ if first & 0xff00 == 0xff00 => Sort::Unusable,
        // Documentation, Teredo (its IPv4 address is hidden), discard-only.
        _ if address.segments()[..2] == [0x2001, 0xdb8] || address.segments()[..2] == [0x2001, 0] => Sort::Unusable,
        _ if first == 0x0100 => Sort::Unusable,
        _ => Sort::Public,
    }
}

/// The IPv4 address that an IPv6 address stands for.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let it = address.octets();
    let tail = || Ipv4Addr::new(it[12], it[13], it[14], it[15]);
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] => Some(tail()),
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(tail()),
        // IPv4-compatible; `::` and `::1` are themselves.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => Some(tail()),
        [0x2002, ..] => Some(Ipv4Addr::new(it[2], it[3], it[4], it[5])),
        _ => None,
    }
}

/// Which addresses may be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    inside: bool,
    nets: Vec<Net>,
}

impl Guard {
    /// Public addresses only.
    pub fn strict() -> Self {
        Self::default()
    }

    /// Also private addresses and this machine.
    pub fn inside() -> Self {
        Self { inside: true, nets: Vec::new() }
    }

    /// Also these networks.
    pub fn with(mut self, nets: impl IntoIterator<Item = Net>) -> Self {
        self.nets.extend(nets);
        self
    }

    /// Whether the address may be called.
    ///
    /// # Errors
    /// It may not; the error says what it is and what would allow it.
    pub fn judge(&self, host: &str, address: IpAddr) -> Result<(), Refused> {
        let sort = sort(address);
        let allowed = match sort {
            Sort::Public => true,
            Sort::Loopback | Sort::Private => self.inside || self.nets.iter().any(|net| net.contains(address)),
            Sort::LinkLocal | Sort::Metadata | Sort::Unusable => false,
        };
        if allowed { Ok(()) } else { Err(Refused { host: host.chars().take(200).collect(), address, sort }) }
    }
}

/// The stable code of a refusal.
pub const CODE: &str = "address-not-allowed";

/// An address that may not be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub host: String,
    pub address: IpAddr,
    pub sort: Sort,
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.sort {
            Sort::Public => "public",
            Sort::Loopback => "this machine's own",
            Sort::Private => "private",
            Sort::LinkLocal => "link-local",
            Sort::Metadata => "where a cloud hands out credentials",
            Sort::Unusable => "no host's",
        };
        write!(f, "`{}` is not called: its address {} is {what}", self.host, self.address)?;
        match self.sort {
            Sort::Loopback | Sort::Private => {
                write!(f, "; whoever runs the server can allow it with --allow-target {} or", self.address)?;
                write!(f, " --allow-private-targets, whoever runs a runner with --only-target ({CODE})")
            }
            Sort::Public | Sort::LinkLocal | Sort::Metadata | Sort::Unusable => {
                write!(f, ", and nothing allows that; name another address ({CODE})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(guard: &Guard, address: &str) -> bool {
        guard.judge("h", address.parse().unwrap()).is_err()
    }

    /// Addresses from RFC 6890 and the documents of the clouds; written in every disguise that IPv6 has for them.
    #[test]
    fn what_gives_credentials_away_is_refused_in_every_disguise_whatever_is_allowed() {
        let all = Guard::inside().with(["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()]);
        for address in [
            "169.254.169.254",
            "169.254.0.1",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
            "2001::1",
        ] {
            assert!(refused(&all, address), "{address}");
        }
    }

    #[test]
    fn what_is_inside_needs_to_be_allowed() {
        let inside = [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "fd12::1",
            "fec0::1",
            "2002:7f00:1::",
            "64:ff9b::a00:1",
        ];
        for address in inside {
            assert!(refused(&Guard::strict(), address), "{address}");
            assert!(!refused(&Guard::inside(), address), "{address}");
        }
        let one = Guard::strict().with(["10.1.0.0/16".parse().unwrap(), "::1".parse().unwrap()]);
        assert!(!refused(&one, "10.1.2.3") && !refused(&one, "::1"));
        assert!(refused(&one, "10.2.0.1") && refused(&one, "127.0.0.1"));
        for public in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2002:808:808::"] {
            assert!(!refused(&Guard::strict(), public), "{public}");
        }
    }

    #[test]
    fn networks_are_read_strictly() {
        assert!("10.0.0.0/33".parse::<Net>().is_err() && "ten".parse::<Net>().is_err());
        assert_eq!("10.0.0.1".parse::<Net>().unwrap().to_string(), "10.0.0.1/32");
    }

    proptest! {
        /// However an address is wrapped, it is judged as what it stands for.
        #[test]
        fn a_mapped_address_is_judged_as_itself(bits: u32) {
            let plain = Ipv4Addr::from(bits);
            prop_assert_eq!(sort(IpAddr::V6(plain.to_ipv6_mapped())), sort(IpAddr::V4(plain)));
        }

        /// The library of the language agrees wherever it has an opinion.
        #[test]
        fn the_standard_library_agrees(bits: u32) {
            let it = Ipv4Addr::from(bits);
            let expected = it.is_link_local() || it.is_multicast() || it.is_broadcast() || it.is_unspecified();
            if expected {
                prop_assert!(Guard::inside().judge("h", IpAddr::V4(it)).is_err());
            }
            if it.is_private() || it.is_loopback() {
                prop_assert!(Guard::strict().judge("h", IpAddr::V4(it)).is_err());
            }
        }
    }
}
