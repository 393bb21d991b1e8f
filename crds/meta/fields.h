#pragma once

#include <string_view>
#include <type_traits>

// How a type says its JSON form, once:
//
//   template <typename V>
//   void Describe(V& v, Member<V, EventsSignal>& x) {
//     v.Field("from", x.from, Text(kIdentifier, 63).Required());
//     v.Field("count", x.count, Between(1, 1000));
//   }
//
// JsonReader, JsonWriter and FieldLister are such visitors, so that reading, printing and the list
// of known fields (with their rules and defaults) cannot drift apart. A visitor has:
//   Field(name, member, rules)              a text, number, duration, struct, list, ...
//   Object(name, member, rules, describe)   a struct with a description of its own
//   Alternative<T>(name, variant, rules)    the member of a variant that the field `name` chooses
//   InlineAlternative<T>(variant)           the same, chosen by any of T's own fields
//   ExactlyOne(what)                        after alternatives: one of them is needed
//   IgnoreUnknown()                         other fields are skipped instead of refused
namespace kr::crds {

// What a visitor sees of a T: only the reader may write to it.
template <typename V, typename T>
using Member = std::conditional_t<V::kReads, T, const T>;

// The JSON spellings of an enum: specialised next to the Describe functions of its type with
//   static constexpr std::pair<E, std::string_view> kNames[] = {...};
template <typename E>
struct EnumNames;

template <typename E>
std::string_view EnumToString(E value) {
  for (const auto& [known, name] : EnumNames<E>::kNames) {
    if (known == value) return name;
  }
  return "";
}

// What else to say about a spelling that is not one of kNames; specialise when there is something.
template <typename E>
std::string_view EnumHint(std::string_view /*found*/) {
  return "";
}

}  // namespace kr::crds
