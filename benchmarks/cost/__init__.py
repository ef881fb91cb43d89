"""What a stack costs a month in one region, from counts and list prices (`make cost`).

`counting.py` counts what a change costs in AWS calls and DynamoDB units, by really handling one;
`measured.json` keeps that. `sizes.py` says how much happens in accounts of three sizes, and what
else is assumed. `prices.json` has the list prices, with their source and date. `bill.py`
multiplies, `page.py` writes the tables of docs/cost.md.
"""
