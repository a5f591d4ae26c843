#pragma once

#include <optional>
#include <string>
#include <vector>

// How names, phone numbers and the like are folded so that they can be compared and searched. All
// functions take and return UTF-8; bytes that are not UTF-8 are skipped. Pure.
namespace milepost::customer {

// Characters (code points) of a text.
size_t CharacterCount(const std::string& text);

// The beginning of the text, at most so many characters.
std::string FirstCharacters(const std::string& text, size_t count);

// The form in which names are searched: full width folded to half width, lower case, without spaces
// and punctuation. "Ａｃｍｅ（中国）有限公司" → "acme中国有限公司". Empty if the text has no letter
// or digit.
std::string SearchKey(const std::string& name);

// The form in which names are compared: the search key without company suffixes ("有限公司", "Co.,
// Ltd."), which are dropped only while something is left. "上海云帆科技（集团）有限公司" and
// "上海云帆科技" are the same; "北京分公司" stays apart from "北京".
std::string NameKey(const std::string& name);

// Terms under which a customer with these names is found: all pairs of neighbouring characters of
// the search keys, and each last character alone, so that a one-character query is a range of
// terms. Pairs that nearly every company has ("公司") are left out. Sorted, no two alike.
std::vector<std::string> NameTerms(const std::string& display_name, const std::string& short_name);

// What to look up for a search key: terms that every hit has. Empty if the key consists of left-out
// pairs: then only a scan finds it.
struct TermQuery {
  std::vector<std::string> terms;  // Hits have all of these ...
  std::string prefix;  // ... or, for a key of one character, a term that begins with this.
};
TermQuery TermsOf(const std::string& search_key);

// Digits of a phone number without the prefix of mainland China and without the extension: "+86
// (021) 6888-1234 转 12" → "02168881234".
std::string PhoneDigits(const std::string& phone);
// Only digits, spaces and `+-()`, after folding width; an extension after x, ext or 转; 3 to 20
// digits before it.
bool IsPhone(const std::string& phone);

// The digits by which a search looks for phone numbers: of a query without letters and with at
// least four digits; else "".
std::string PhoneQuery(const std::string& query);

bool IsEmail(const std::string& email);
// Lower-case domain of an e-mail address, or "" for those of public providers, which tell nothing
// about the company.
std::string CompanyEmailDomain(const std::string& email);

// Upper case, half width, without spaces.
std::string FoldCreditCode(const std::string& code);
// 18 characters of a folded unified social credit code with the right check character (GB 32100).
bool IsCreditCode(const std::string& code);

}  // namespace milepost::customer
