.PHONY: demo test

demo:
	@python3 -m bot demo

test:
	@python3 -m bot test
