import argparse

parser = argparse.ArgumentParser(description="Greets somebody.")
parser.add_argument("--name", help="Who is greeted", default="nobody")

if __name__ == "__main__":
    print(f"Hello, {parser.parse_args().name}!")
