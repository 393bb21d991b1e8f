#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace kr::testing {

// Random expressions over random objects, both of the shape of Kubernetes objects: most of them
// mean something, some fail at run time, a few do not compile. The same seed gives the same
// sequence on every machine.
class RandomCel {
 public:
  explicit RandomCel(uint64_t seed) : random_(seed) {}

  // An object for the variable `object`.
  nlohmann::json Object();
  // An expression over `object`. Whatever depends on the order of a map's keys is avoided.
  std::string Expression();
  // An expression of type bool over `object` and `now`.
  std::string TimeExpression();
  // One comparison of times or durations, one of which moves with `now`.
  std::string TimeComparison();
  // Text that is made of pieces of CEL and means nothing.
  std::string TokenSoup();

 private:
  enum class Want { kBool, kInt, kDouble, kString, kInts, kStrings, kObjects, kAny };
  static constexpr size_t kWants = 8;

  size_t Below(size_t n) { return static_cast<size_t>(random_() % n); }
  bool Chance(size_t percent) { return Below(100) < percent; }
  template <typename... T>
  std::string OneOf(T... options) {
    const std::string all[] = {std::string(options)...};
    return all[Below(sizeof...(options))];
  }

  nlohmann::json Scalar();
  nlohmann::json AnyValue(int depth);
  nlohmann::json Item();

  std::string Gen(Want want, int depth);
  std::string Bool(int depth);
  std::string Int(int depth);
  std::string Double(int depth);
  std::string String(int depth);
  std::string Ints(int depth);
  std::string Strings(int depth);
  std::string Objects(int depth);
  std::string Any(int depth);
  // Of the libraries of Kubernetes (random_cel_libraries.cc): what they answer, and their values.
  std::string LibraryBool(int depth);
  std::string LibraryInt(int depth);
  std::string LibraryString(int depth);
  std::string LibraryList(int depth);
  std::string LibraryAny(int depth);
  std::string Quantity(int depth);
  std::string Semver();
  std::string Ip();
  std::string Cidr();
  std::string Url();
  // A macro that binds an index or key and a value; `second` names what the latter is.
  std::string TwoVariables(std::string_view macro, const std::string& range,
                           std::vector<std::string>& second, int depth, Want body);
  std::string Time(int depth);
  std::string Span(int depth);
  std::string Moving(int depth);
  // A field of a list's element, if a macro over objects is open, or of the object.
  std::string Base();
  std::string NewName();

  std::mt19937_64 random_;
  std::vector<std::string> items_;  // macro variables that are objects
  std::vector<std::string> ints_;   // ... that are numbers
  std::vector<std::string> words_;  // ... that are strings
  int names_ = 0;
};

}  // namespace kr::testing
