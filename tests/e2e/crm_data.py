"""A made-up CRM directory in the shape of a common B2B sales data set, and its figures, computed from the
files alone: neither knows anything of the suite.

The flaws of such files are in it: a product spelled without its space, open opportunities without an
account, a misspelled sector, agents who never had an opportunity, accounts that belong to others.
"""

import collections
import csv
import datetime
import pathlib
import random
import statistics

TEAMS = ("sales_agent", "manager", "regional_office")
ACCOUNTS = ("account", "sector", "year_established", "revenue", "employees", "office_location", "subsidiary_of")
PRODUCTS = ("product", "series", "sales_price")
PIPELINE = ("opportunity_id", "sales_agent", "product", "account", "deal_stage", "engage_date", "close_date",
            "close_value")

_GIVEN = ("Ada", "Bruno", "Carla", "Dario", "Edda", "Fabian", "Greta", "Hugo", "Ilse", "Jonas", "Karin", "Leo",
          "Mira", "Nils", "Olga", "Pavel", "Rosa", "Sven")
_FAMILY = ("Albers", "Brandt", "Cordes", "Dorn", "Ehlers", "Falk", "Gruber", "Hansen", "Ilg", "Jansen", "Kern",
           "Lorenz", "Maurer", "Nolte")
_FIRST = ("Alder", "Basalt", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbor", "Indigo", "Juniper",
          "Krypton", "Lumen", "Meridian", "Nimbus", "Opal")
_LAST = ("Works", "Systems", "Holding", "Foods")
_SECTORS = ("employment", "entertainment", "finance", "marketing", "medical", "retail", "services", "software",
            "telecommunications")
_PRODUCTS = (("RX Basic", "RX", 560), ("RX Pro", "RX", 4750), ("HZ Light", "HZ", 60), ("HZ Plus", "HZ", 3400),
             ("RX Plus Basic", "RX", 1100), ("RX Plus Pro", "RX", 5500), ("KG 500", "KG", 26500))


def write(directory, table, columns, rows):
    with open(pathlib.Path(directory) / f"{table}.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def read(directory, table):
    """Rows as dictionaries, with their line in the file as `line`."""
    with open(pathlib.Path(directory) / f"{table}.csv", encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        rows = []
        for row in reader:
            row["line"] = reader.line_num
            rows.append(row)
        return rows


def _us(day):
    return f"{day.month}/{day.day}/{day.year}"


def us_date(text):
    month, day, year = map(int, text.split("/"))
    return datetime.date(year, month, day)


def generate(directory, opportunities=1500, seed=2017):
    """Writes the four files; the same arguments write the same files."""
    chance = random.Random(seed)
    people = [f"{given} {family}" for given in _GIVEN for family in _FAMILY]
    chance.shuffle(people)
    managers = [(people.pop(), office) for office in ("Central", "East", "West") for _ in range(2)]
    agents = [(people.pop(), *managers[i % 6]) for i in range(34)] + [("欧阳静怡", *managers[0])]
    idle = {agents[i][0] for i in (3, 11, 17, 26, 31)}
    write(directory, "sales_teams", TEAMS, agents)

    names = [f"{first} {last}" for last in _LAST for first in _FIRST] + ["上海远航机械有限公司", "Çelik & Söhne"]
    accounts = []
    for i, name in enumerate(names):
        sector = "technolgy" if i % 9 == 4 else chance.choice(_SECTORS)
        parent = names[i - 7] if i % 8 == 7 else ""
        accounts.append((name, sector, chance.randrange(1979, 2017), f"{chance.randrange(450, 1170000) / 100:.2f}",
                         chance.randrange(9, 34289), chance.choice(("United States", "Kenya", "Norway", "中国")),
                         parent))
    write(directory, "accounts", ACCOUNTS, accounts)
    write(directory, "products", PRODUCTS, _PRODUCTS)

    active = [agent[0] for agent in agents if agent[0] not in idle]
    strength = [0.55 + (i * 37 % 29) / 20 for i in range(len(active))]
    first_day = datetime.date(2016, 10, 20)
    rows = []
    for i in range(opportunities):
        agent = chance.choices(active, strength)[0]
        product, _, price = chance.choices(_PRODUCTS, (10, 8, 10, 8, 8, 5, 1))[0]
        account = chance.choice(names)
        engaged = first_day + datetime.timedelta(days=chance.randrange(0, 420))
        closed = engaged + datetime.timedelta(days=chance.choice((chance.randrange(1, 20), chance.randrange(20, 139))))
        stage = chance.choices(("Won", "Lost", "Engaging", "Prospecting"), (48, 28, 18, 6))[0]
        if closed > datetime.date(2017, 12, 31) and stage in ("Won", "Lost"):
            stage = "Engaging"
        value = ""
        if stage == "Won":
            value = max(1, round(price * chance.uniform(0.75, 1.25)))
        elif stage == "Lost":
            value = 0
        rows.append((
            f"{i:04X}{chance.randrange(16 ** 4):04X}", agent, product.replace("RX Pro", "RXPro"),
            "" if stage in ("Engaging", "Prospecting") and chance.random() < 0.68 else account, stage,
            "" if stage == "Prospecting" else _us(engaged), _us(closed) if stage in ("Won", "Lost") else "", value))
    write(directory, "sales_pipeline", PIPELINE, rows)


class Figures:
    """What reports must say of a directory. Money in whole units of the currency."""

    def __init__(self, directory):
        teams = read(directory, "sales_teams")
        self.office_of = {row["sales_agent"]: row["regional_office"] for row in teams}
        self.manager_of = {row["sales_agent"]: row["manager"] for row in teams}
        self.agents = [row["sales_agent"] for row in teams]
        self.accounts = [row["account"] for row in read(directory, "accounts")]
        products = {row["product"].replace(" ", ""): row["product"] for row in read(directory, "products")}
        self.rows = read(directory, "sales_pipeline")
        for row in self.rows:
            row["product"] = products[row["product"].replace(" ", "")]
        self.states = collections.Counter(row["deal_stage"] for row in self.rows)
        self.won = [row for row in self.rows if row["deal_stage"] == "Won"]
        self.lost = [row for row in self.rows if row["deal_stage"] == "Lost"]

    @staticmethod
    def quarter(row):
        day = us_date(row["close_date"])
        return f"{day.year}Q{(day.month + 2) // 3}"

    def revenue(self, key, rows=None):
        """Won revenue by key(row)."""
        sums = collections.Counter()
        for row in self.won if rows is None else rows:
            sums[key(row)] += int(row["close_value"])
        return dict(sums)

    def by_office(self):
        return self.revenue(lambda row: self.office_of[row["sales_agent"]])

    def by_quarter(self):
        return self.revenue(self.quarter)

    def by_member(self):
        return self.revenue(lambda row: row["sales_agent"])

    def by_product(self):
        return self.revenue(lambda row: row["product"])

    def total(self):
        return sum(int(row["close_value"]) for row in self.won)

    def results(self, key):
        """(won, lost) by key(row)."""
        won = collections.Counter(map(key, self.won))
        lost = collections.Counter(map(key, self.lost))
        return {k: (won[k], lost[k]) for k in won.keys() | lost.keys()}

    def cycles(self, rows=None):
        return sorted((us_date(row["close_date"]) - us_date(row["engage_date"])).days
                      for row in (self.won if rows is None else rows))


def hundredths(fraction_numerator, denominator):
    """Rounded half up, in hundredths."""
    return (fraction_numerator * 200 + denominator) // (2 * denominator)


def median_hundredths(values):
    return round(statistics.median(values) * 100)
