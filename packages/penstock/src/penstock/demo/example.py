"""The repository and the pull request that the demonstration reviews."""

NAME = "acme/shop"
TITLE = "Send receipts by mail"
BODY = "Customers asked for a receipt after they have paid. Prices are rounded on the way."

BEFORE = {
    "README.md": "# Shop\n\nSells things.\n",
    ".penstock.yaml": "# What Penstock does with pull requests of this repository; everything has a default.\n",
    "shop/__init__.py": "",
    "shop/orders.py": '''"""Orders and what they cost."""


def total(lines):
    return sum(price * count for price, count in lines)


def describe(order):
    return f"{order['id']}: {total(order['lines'])}"
''',
}

AFTER = {
    "shop/orders.py": '''"""Orders and what they cost."""


def total(lines, discounts=[]):
    for discount in discounts:
        lines = [(price * (1 - discount), count) for price, count in lines]
    return round(sum(price * count for price, count in lines), 2)


def describe(order):
    return f"{order['id']}: {total(order['lines'])}"
''',
    "shop/receipts.py": '''"""Receipts, sent by the mail program of the machine."""

import subprocess


def send(address, text):
    try:
        subprocess.run(f"mail -s Receipt {address}", shell=True, input=text.encode(), check=True)
    except:
        pass
''',
}
