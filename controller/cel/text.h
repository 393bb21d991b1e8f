#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "controller/cel/value.h"

namespace kr::cel {

// Values as text and back, in the forms that Go gives them: Kubernetes' CEL is written in Go and
// policies move between the two.

// string(double): the shortest decimal that reads back, with an exponent below 1e-4 and from 1e6;
// "+Inf", "-Inf", "NaN".
std::string DoubleText(double d);
// The shortest decimal without exponent.
std::string PlainDoubleText(double d);
// RFC 3339 in UTC, as many fractional digits as needed.
std::string TimestampText(absl::Time t);
// "90s", "0.001s"
std::string DurationText(absl::Duration d);

// string(value) of a bool, number, string, timestamp, duration or type.
std::string PlainText(const Value& value);

// RFC 3339 with offset; up to nine fractional digits count. nullopt for anything else or a time
// outside of the years 1 to 9999.
std::optional<absl::Time> ParseTimestamp(std::string_view text);
// A sequence of numbers with units h, m, s, ms, us, µs, ns, optionally signed: "1h30m", "-1.5s",
// "0". nullopt when it is not one or does not fit into 64 bits of nanoseconds.
std::optional<absl::Duration> ParseDuration(std::string_view text);
std::optional<double> ParseDouble(std::string_view text);

// The range of CEL's timestamps: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.
absl::Time MinTimestamp();
absl::Time MaxTimestamp();

}  // namespace kr::cel
