#include "customer-svc/domain/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <string_view>
#include <utility>

namespace milepost::customer {
namespace {

constexpr size_t kMinPhoneDigits = 3;
constexpr size_t kMaxPhoneDigits = 20;
constexpr size_t kMinQueryDigits = 4;
constexpr size_t kMaxEmailBytes = 254;
constexpr size_t kMaxEmailLocalBytes = 64;
constexpr size_t kCreditCodeLength = 18;

std::u32string Decode(const std::string& text) {
  std::u32string out;
  out.reserve(text.size());
  size_t at = 0;
  while (at < text.size()) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const size_t length = byte < 0x80                   ? 1
                          : byte >= 0xF0 && byte < 0xF8 ? 4
                          : byte >= 0xE0 && byte < 0xF0 ? 3
                          : byte >= 0xC2 && byte < 0xE0 ? 2
                                                        : 0;
    if (length == 0 || at + length > text.size()) {
      ++at;
      continue;
    }
    char32_t code = length == 1 ? byte : byte & (0x7F >> length);
    bool valid = true;
    for (size_t i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      valid = valid && (next & 0xC0) == 0x80;
      code = code << 6 | (next & 0x3F);
    }
    if (valid) out += code;
    at += valid ? length : 1;
  }
  return out;
}

void AppendUtf8(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

std::string Encode(std::u32string_view text) {
  std::string out;
  for (const char32_t code : text) AppendUtf8(out, code);
  return out;
}

// Half width, lower case.
char32_t Fold(char32_t code) {
  if (code >= 0xFF01 && code <= 0xFF5E) code -= 0xFEE0;
  if (code == 0x3000) code = ' ';
  if (code >= 'A' && code <= 'Z') return code + 32;
  if (code >= 0xC0 && code <= 0xDE && code != 0xD7) return code + 32;     // Latin-1
  if (code >= 0x391 && code <= 0x3A9 && code != 0x3A2) return code + 32;  // Greek
  if (code >= 0x410 && code <= 0x42F) return code + 32;                   // Cyrillic
  if (code >= 0x400 && code <= 0x40F) return code + 80;
  return code;
}

// Of a folded character: part of a word. Everything else separates words.
bool IsWord(char32_t code) {
  if (code < 0x80) return (code >= 'a' && code <= 'z') || (code >= '0' && code <= '9');
  if (code < 0xC0) return code == 0xAA || code == 0xB5 || code == 0xBA;
  if (code == 0xD7 || code == 0xF7) return false;
  if (code >= 0x2000 && code <= 0x206F) return false;  // General punctuation
  if (code >= 0x20A0 && code <= 0x20CF) return false;  // Currency
  if (code >= 0x2190 && code <= 0x2BFF) return false;  // Arrows, boxes, symbols
  if (code >= 0x3000 && code <= 0x303F)
    return code == 0x3005 || code == 0x3007;  // 々 and 〇 are letters.
  if (code == 0x30FB || code == 0xFEFF) return false;
  if (code >= 0xFE00 && code <= 0xFE6F)
    return false;  // Variation selectors, vertical and small forms
  if (code >= 0xFF5F && code <= 0xFF65) return false;  // Half-width CJK punctuation
  if (code >= 0xFFE0) return code >= 0x10000;
  return true;
}

// Words of a text, folded.
std::vector<std::u32string> Words(const std::string& text) {
  std::vector<std::u32string> words;
  bool open = false;
  for (const char32_t raw : Decode(text)) {
    const char32_t code = Fold(raw);
    if (!IsWord(code)) {
      open = false;
      continue;
    }
    if (!open) words.emplace_back();
    open = true;
    words.back() += code;
  }
  return words;
}

std::u32string Join(const std::vector<std::u32string>& words) {
  std::u32string joined;
  for (const std::u32string& word : words) joined += word;
  return joined;
}

bool IsLatinSuffix(const std::u32string& word) {
  static const std::set<std::u32string> kSuffixes = {
      U"co",  U"company", U"corp", U"corporation", U"inc", U"incorporated",
      U"ltd", U"limited", U"llc",  U"llp",         U"plc", U"gmbh",
      U"ag",  U"sa",      U"pte",  U"pty",         U"bv",  U"kk"};
  return kSuffixes.count(word) > 0;
}

// Longest first, so that 股份有限公司 goes as a whole.
constexpr std::array<std::u32string_view, 9> kHanSuffixes = {
    U"股份有限公司", U"有限责任公司", U"有限公司", U"集团公司", U"总公司",
    U"公司",         U"集团",         U"株式会社", U"有限责任"};
constexpr std::u32string_view kBranch = U"分公司";

// Neighbours that so many names share that looking them up tells nothing.
bool IsCommonPair(std::u32string_view pair) {
  static const std::set<std::u32string_view> kPairs = {U"有限", U"限公", U"公司", U"限责", U"责任",
                                                       U"任公", U"股份", U"份有", U"集团"};
  return kPairs.count(pair) > 0;
}

bool EndsWith(const std::u32string& text, std::u32string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// A phone number split at its extension, folded.
std::u32string PhoneWithoutExtension(const std::string& phone, bool& extension_valid) {
  std::u32string folded;
  for (const char32_t code : Decode(phone)) folded += Fold(code);
  extension_valid = true;
  const size_t at = folded.find_first_of(U"xe转#");
  if (at == std::u32string::npos) return folded;
  std::u32string extension = folded.substr(at);
  for (const std::u32string_view mark : {U"ext.", U"ext", U"x", U"转", U"#"}) {
    if (extension.compare(0, mark.size(), mark) != 0) continue;
    extension.erase(0, mark.size());
    break;
  }
  size_t digits = 0;
  for (const char32_t code : extension) {
    if (code >= '0' && code <= '9')
      ++digits;
    else if (code != ' ')
      extension_valid = false;
  }
  extension_valid = extension_valid && digits > 0 && digits <= 6;
  return folded.substr(0, at);
}

}  // namespace

size_t CharacterCount(const std::string& text) { return Decode(text).size(); }

std::string FirstCharacters(const std::string& text, size_t count) {
  return Encode(Decode(text).substr(0, count));
}

std::string SearchKey(const std::string& name) { return Encode(Join(Words(name))); }

std::string NameKey(const std::string& name) {
  std::vector<std::u32string> words = Words(name);
  while (words.size() > 1 && IsLatinSuffix(words.back())) words.pop_back();
  std::u32string key = Join(words);
  const bool only_suffix =
      std::find(kHanSuffixes.begin(), kHanSuffixes.end(), key) != kHanSuffixes.end();
  for (bool again = !only_suffix; again;) {
    again = false;
    for (const std::u32string_view suffix : kHanSuffixes) {
      if (key.size() <= suffix.size() || !EndsWith(key, suffix) || EndsWith(key, kBranch)) continue;
      key.resize(key.size() - suffix.size());
      again = true;
      break;
    }
  }
  return Encode(key);
}

std::vector<std::string> NameTerms(const std::string& display_name, const std::string& short_name) {
  std::set<std::string> terms;
  for (const std::string* name : {&display_name, &short_name}) {
    const std::u32string key = Join(Words(*name));
    for (size_t i = 0; i + 1 < key.size(); ++i) {
      const std::u32string_view pair(key.data() + i, 2);
      if (!IsCommonPair(pair)) terms.insert(Encode(pair));
    }
    if (!key.empty()) terms.insert(Encode(key.substr(key.size() - 1)));
  }
  return {terms.begin(), terms.end()};
}

TermQuery TermsOf(const std::string& search_key) {
  const std::u32string key = Decode(search_key);
  TermQuery query;
  if (key.size() == 1) {
    // Characters of left-out pairs are also found nowhere: those are left to the scan.
    static constexpr std::u32string_view kInCommonPairs = U"有限公责任股份集";
    if (kInCommonPairs.find(key[0]) == std::u32string_view::npos) query.prefix = search_key;
    return query;
  }
  std::set<std::string> terms;
  for (size_t i = 0; i + 1 < key.size(); ++i) {
    const std::u32string_view pair(key.data() + i, 2);
    if (!IsCommonPair(pair)) terms.insert(Encode(pair));
  }
  query.terms.assign(terms.begin(), terms.end());
  return query;
}

std::string PhoneDigits(const std::string& phone) {
  bool extension_valid = true;
  std::string digits;
  const std::u32string number = PhoneWithoutExtension(phone, extension_valid);
  for (const char32_t code : number) {
    if (code >= '0' && code <= '9') digits += static_cast<char>(code);
  }
  const bool plus = number.find(U'+') != std::u32string::npos;
  if (digits.compare(0, 4, "0086") == 0) {
    digits.erase(0, 4);
  } else if (plus && digits.compare(0, 2, "86") == 0) {
    digits.erase(0, 2);
  }
  return digits;
}

bool IsPhone(const std::string& phone) {
  bool extension_valid = true;
  size_t digits = 0;
  for (const char32_t code : PhoneWithoutExtension(phone, extension_valid)) {
    if (code >= '0' && code <= '9') {
      ++digits;
    } else if (code != ' ' && code != '+' && code != '-' && code != '(' && code != ')') {
      return false;
    }
  }
  return extension_valid && digits >= kMinPhoneDigits && digits <= kMaxPhoneDigits;
}

std::string PhoneQuery(const std::string& query) {
  const std::string key = SearchKey(query);
  const bool only_digits =
      std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!only_digits) return "";
  std::string digits = PhoneDigits(query);
  return digits.size() < kMinQueryDigits || digits.size() > kMaxPhoneDigits ? "" : digits;
}

bool IsEmail(const std::string& email) {
  if (email.size() > kMaxEmailBytes) return false;
  const size_t at = email.find('@');
  if (at == std::string::npos || at == 0 || at > kMaxEmailLocalBytes ||
      email.find('@', at + 1) != std::string::npos)
    return false;
  for (const char c : email) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7F || c == ',' || c == ';' || c == '<' ||
        c == '>' || c == '"')
      return false;
  }
  const std::string domain = email.substr(at + 1);
  const size_t dot = domain.find('.');
  if (dot == std::string::npos || dot == 0 || domain.back() == '.' ||
      domain.find("..") != std::string::npos)
    return false;
  return true;
}

std::string CompanyEmailDomain(const std::string& email) {
  static const std::set<std::string> kPublic = {
      "126.com",       "139.com",     "163.com",   "189.cn",       "21cn.com",    "aliyun.com",
      "foxmail.com",   "gmail.com",   "gmx.com",   "hotmail.com",  "icloud.com",  "live.cn",
      "live.com",      "me.com",      "msn.com",   "outlook.com",  "qq.com",      "sina.cn",
      "sina.com",      "sina.com.cn", "sohu.com",  "tom.com",      "vip.163.com", "vip.qq.com",
      "vip.sina.com",  "wo.cn",       "yahoo.com", "yahoo.com.cn", "yeah.net",    "proton.me",
      "protonmail.com"};
  const size_t at = email.rfind('@');
  if (at == std::string::npos) return "";
  std::string domain = email.substr(at + 1);
  std::transform(domain.begin(), domain.end(), domain.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return kPublic.count(domain) > 0 ? "" : domain;
}

std::string FoldCreditCode(const std::string& code) {
  std::string folded;
  for (const char32_t raw : Decode(code)) {
    const char32_t c = Fold(raw);
    if (c == ' ') continue;
    AppendUtf8(folded, c >= 'a' && c <= 'z' ? c - 32 : c);
  }
  return folded;
}

bool IsCreditCode(const std::string& code) {
  static constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY";
  constexpr int kModulus = 31;
  constexpr int kWeightBase = 3;
  if (code.size() != kCreditCodeLength) return false;
  int sum = 0;
  int weight = 1;
  for (size_t i = 0; i + 1 < kCreditCodeLength; ++i) {
    const size_t value = kAlphabet.find(code[i]);
    if (value == std::string_view::npos) return false;
    sum = (sum + static_cast<int>(value) * weight) % kModulus;
    weight = weight * kWeightBase % kModulus;
  }
  return code.back() == kAlphabet[static_cast<size_t>((kModulus - sum) % kModulus)];
}

}  // namespace milepost::customer
