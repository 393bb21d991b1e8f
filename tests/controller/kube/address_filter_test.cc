#include "controller/kube/address_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace kr::kube {
namespace {

std::string Refusal(const AddressFilter& filter, const char* address) {
  return std::string(filter.Refusal(boost::asio::ip::make_address(address)));
}

struct Case {
  const char* address;
  const char* refusal;
};

const Case kCases[] = {
    {"8.8.8.8", ""},
    {"10.0.0.1", ""},
    {"192.168.1.1", ""},
    {"100.64.0.1", ""},
    {"2001:db8::1", ""},
    {"fd00::1", ""},
    {"127.0.0.1", "a loopback address"},
    {"127.255.255.254", "a loopback address"},
    {"::1", "a loopback address"},
    {"0.0.0.0", "an unspecified address"},
    {"0.1.2.3", "an unspecified address"},
    {"::", "an unspecified address"},
    {"169.254.169.254", "a link-local address"},
    {"169.254.0.1", "a link-local address"},
    {"169.253.255.255", ""},
    {"fe80::1", "a link-local address"},
    {"febf::1", "a link-local address"},
    {"fec0::1", ""},
    {"fd00:ec2::254", "the address of a cloud's metadata service"},
    {"224.0.0.1", "a multicast address"},
    {"239.255.255.255", "a multicast address"},
    {"ff02::1", "a multicast address"},
    {"255.255.255.255", "a broadcast address"},
    // IPv4 in disguise.
    {"::ffff:127.0.0.1", "a loopback address"},
    {"::ffff:169.254.169.254", "a link-local address"},
    {"::ffff:0.0.0.0", "an unspecified address"},
    {"::ffff:8.8.8.8", ""},
    {"::127.0.0.1", "a loopback address"},
    {"::169.254.169.254", "a link-local address"},
    {"64:ff9b::169.254.169.254", "a link-local address"},
    {"64:ff9b::8.8.8.8", ""},
    {"2002:7f00:1::", "a loopback address"},
    {"2002:a9fe:a9fe::1", "a link-local address"},
    {"2002:808:808::1", ""},
};

TEST(AddressFilter, RefusesWhatOnlyThisMachineOrSegmentAnswersTo) {
  const AddressFilter filter = *AddressFilter::Make({});
  for (const Case& c : kCases) EXPECT_EQ(Refusal(filter, c.address), c.refusal) << c.address;
}

TEST(AddressFilter, AllowsWhatIsConfiguredAndNothingBeside) {
  const AddressFilter filter =
      *AddressFilter::Make({"127.0.0.1", "169.254.10.0/23", "fe80::/64", "64:ff9b::/96"});
  EXPECT_EQ(Refusal(filter, "127.0.0.1"), "");
  EXPECT_EQ(Refusal(filter, "::ffff:127.0.0.1"), "");
  EXPECT_NE(Refusal(filter, "127.0.0.2"), "");
  EXPECT_NE(Refusal(filter, "::1"), "");
  EXPECT_EQ(Refusal(filter, "169.254.11.255"), "");
  EXPECT_NE(Refusal(filter, "169.254.12.0"), "");
  EXPECT_EQ(Refusal(filter, "fe80::42"), "");
  EXPECT_NE(Refusal(filter, "fe80:0:0:1::42"), "");
  EXPECT_EQ(Refusal(filter, "64:ff9b::127.0.0.9"), "");
  EXPECT_EQ(Refusal(*AddressFilter::Make({"::/0"}), "127.0.0.1"), "");
  EXPECT_EQ(Refusal(*AddressFilter::Make({"0.0.0.0/0"}), "127.0.0.1"), "");
  EXPECT_NE(Refusal(*AddressFilter::Make({"0.0.0.0/0"}), "::1"), "");
}

TEST(AddressFilter, NamesTheNetworkThatCannotBeRead) {
  for (const char* bad : {"", "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "::/129",
                          "10.0.0/8", "10.0.0.0/-1"}) {
    EXPECT_THAT(AddressFilter::Make({"10.0.0.0/8", bad}).status(),
                testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                  ::testing::StartsWith("\"" + std::string(bad) + "\" is not")))
        << bad;
  }
}

}  // namespace
}  // namespace kr::kube
